// A server and a client over Go's own TLS.
//
// tls_go serve CERTIFICATE [h2]: answers every path with itself.
// tls_go ask PORT CONNECTIONS REQUESTS PREFIX [h2]: waits for a line on standard input, then asks on many
// connections at once, each for paths of its own.
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func serve(pem string, h2 bool) {
	certificate, err := tls.LoadX509KeyPair(pem, pem)
	must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println("listening on port", listener.Addr().(*net.TCPAddr).Port)
	answer := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }
	// A table of protocols that is empty switches HTTP/2 off.
	server := http.Server{
		Handler:      http.HandlerFunc(answer),
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{certificate}},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	if h2 {
		server.TLSNextProto = nil
	}
	must(server.ServeTLS(listener, "", ""))
}

// Deepens the stack, so that it has to be moved while the call is under way.
func deepen(depth int, then func()) byte {
	var room [1024]byte
	if depth == 0 {
		then()
		return room[0]
	}
	room[depth%len(room)] = deepen(depth-1, then)
	return room[depth%len(room)]
}

func talk(port string, connection int, requests int, prefix string, h2 bool) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	if h2 {
		transport.ForceAttemptHTTP2 = true
	} else {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	client := http.Client{Transport: transport}
	for request := 0; request < requests; request++ {
		path := fmt.Sprintf("/%s/%d/%d", prefix, connection, request)
		deepen(8*request, func() {
			response, err := client.Get("https://127.0.0.1:" + port + path)
			must(err)
			body, err := io.ReadAll(response.Body)
			must(err)
			response.Body.Close()
			if string(body) != path {
				log.Fatalf("%q for %q", body, path)
			}
		})
	}
	client.CloseIdleConnections()
}

func ask(port string, connections int, requests int, prefix string, h2 bool) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var all sync.WaitGroup
		for connection := 0; connection < connections; connection++ {
			all.Add(1)
			go func(connection int) {
				defer all.Done()
				talk(port, connection, requests, lines.Text()+prefix, h2)
			}(connection)
		}
		all.Wait()
		fmt.Println("asked")
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	h2 := os.Args[len(os.Args)-1] == "h2"
	if os.Args[1] == "serve" {
		serve(os.Args[2], h2)
	} else {
		ask(os.Args[2], number(os.Args[3]), number(os.Args[4]), os.Args[5], h2)
	}
}
