module hoop.dev/test/bench/null-broker

go 1.26.0
