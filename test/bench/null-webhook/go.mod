module hoop.dev/test/bench/null-webhook

go 1.26.0
