// A broker that masks and records nothing: the floor that any broker behind an aggregated API stands on. What follows
// /proxy is passed on to the API server, with credentials of its own, as the user that the headers tell.
// usage: null-broker ADDRESS CERTIFICATE KEY SETTINGS
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
)

type settings struct {
	URL     string            `json:"url"`
	CA      string            `json:"ca"`
	Cert    string            `json:"cert"`
	Key     string            `json:"key"`
	Headers map[string]string `json:"headers"`
}

func main() {
	raw, err := os.ReadFile(os.Args[4])
	must(err)
	var to settings
	must(json.Unmarshal(raw, &to))
	server, err := url.Parse(to.URL)
	must(err)
	pair, err := tls.X509KeyPair([]byte(to.Cert), []byte(to.Key))
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(to.CA))
	broker := &httputil.ReverseProxy{
		Transport: &http.Transport{
			ForceAttemptHTTP2:  true,
			DisableCompression: true,
			TLSClientConfig:    &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
		},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = server.Scheme, server.Host
			_, r.Out.URL.Path, _ = strings.Cut(r.In.URL.Path, "/proxy")
			for name := range r.Out.Header {
				if strings.HasPrefix(name, "X-Remote-") || strings.HasPrefix(name, "X-Forwarded-") {
					r.Out.Header.Del(name)
				}
			}
			for name, value := range to.Headers {
				r.Out.Header.Set(name, value)
			}
		},
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/proxy/") {
			broker.ServeHTTP(w, r)
			return
		}
		// The API server asks for discovery before it passes anything on.
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"bench.dev/v1","resources":[]}`)
	})
	log.Fatal(http.ListenAndServeTLS(os.Args[1], os.Args[2], os.Args[3], nil))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
