package opensearch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/search"
)

const (
	patience = 10 * time.Second // for an answer, unless the caller has less
	most     = 16 << 20         // bytes of an answer
)

// A Server is an OpenSearch or an Elasticsearch.
type Server struct {
	client http.Client
	base   string // its URL
	where  string // host and port
	user   *url.Userinfo
	prefix string // of all names
}

// New returns the server at an address, and connects to nothing yet:
//
//	opensearch+http://[USER:PASSWORD@]HOST:PORT
//	opensearch+https://…
//
// Parameters: ca is a PEM file for TLS; prefix is what the names of a platform begin with
// that shares the server with another one. Its error holds no secret.
func New(address string) (*Server, error) {
	rest, ours := strings.CutPrefix(address, "opensearch+")
	u, err := url.Parse(rest)
	if !ours || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("must be opensearch+http://[USER:PASSWORD@]HOST:PORT, or opensearch+https://…")
	}
	s := &Server{base: u.Scheme + "://" + u.Host, where: u.Host, user: u.User, prefix: "tidewire"}
	t := &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: patience}
	s.client = http.Client{Transport: t, Timeout: patience}
	for name, values := range u.Query() {
		switch {
		case name == "prefix" && valid(values[0]):
			s.prefix = values[0]
		case name == "prefix":
			return nil, errors.New("prefix must be made of small letters, digits and -, and begin with a letter")
		case name != "ca":
			return nil, fmt.Errorf("has the parameter %q, which is none of ca and prefix", name)
		case u.Scheme == "http":
			return nil, errors.New(`has the parameter "ca", which is for TLS: it must begin with opensearch+https://`)
		default:
			pem, err := os.ReadFile(values[0])
			if err != nil {
				return nil, fmt.Errorf("ca: %w", err)
			}
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
			if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("ca: no certificate is in %s", values[0])
			}
		}
	}
	return s, nil
}

// valid reports whether names of indices may begin with s.
func valid(s string) bool {
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Close gives up idle connections.
func (s *Server) Close() { s.client.CloseIdleConnections() }

// Check returns what is wrong with the server, in one sentence: search.ErrAway if that may
// pass, else what must be mended, such as a password.
func (s *Server) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var hello struct {
		Version struct {
			Number string `json:"number"`
		} `json:"version"`
	}
	if _, err := s.do(ctx, request{method: "GET", path: "/"}, &hello); err != nil {
		return err
	}
	if hello.Version.Number == "" {
		return fmt.Errorf("what answers at %s is no OpenSearch", s.where)
	}
	_, err := s.do(ctx, request{method: "GET", path: "/_alias/" + s.prefix + "-*"}, nil)
	return err
}

// A request is one to the server. Its body is JSON, or lines of it.
type request struct {
	method, path string
	body         any
	lines        []any
	passes       []int // statuses that are no errors, beside those below 300
}

// do sends a request and reads its answer.
func (s *Server) do(ctx context.Context, r request, answer any) (status int, err error) {
	body, err := r.text()
	if err != nil {
		return 0, err
	}
	q, err := http.NewRequestWithContext(ctx, r.method, s.base+r.path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	q.Header.Set("Content-Type", "application/json")
	if r.lines != nil {
		q.Header.Set("Content-Type", "application/x-ndjson")
	}
	if s.user != nil {
		password, _ := s.user.Password()
		q.SetBasicAuth(s.user.Username(), password)
	}
	resp, err := s.client.Do(q)
	if err != nil {
		return 0, s.explain(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return 0, s.explain(err)
	}
	if resp.StatusCode >= 300 {
		for _, p := range r.passes {
			if p == resp.StatusCode {
				return resp.StatusCode, nil
			}
		}
		return resp.StatusCode, s.refused(resp.StatusCode, text)
	}
	if answer == nil {
		return resp.StatusCode, nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return resp.StatusCode, fmt.Errorf("what answers at %s is no OpenSearch: %w", s.where, err)
	}
	return resp.StatusCode, nil
}

func (r request) text() ([]byte, error) {
	if r.body != nil {
		return json.Marshal(r.body)
	}
	var all bytes.Buffer
	lines := json.NewEncoder(&all)
	for _, l := range r.lines {
		if err := lines.Encode(l); err != nil {
			return nil, err
		}
	}
	return all.Bytes(), nil
}

// explain says what it means that there was no answer.
func (s *Server) explain(err error) error {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		record  tls.RecordHeaderError
		failed  *url.Error
	)
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("the search engine at %s has a certificate of an authority that is not known here: name its file with ?ca=", s.where)
	case errors.As(err, &host):
		return fmt.Errorf("the search engine at %s has a certificate that is not valid for it: %w", s.where, host)
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("the search engine at %s does not speak TLS there: it must begin with opensearch+http://", s.where)
	case errors.As(err, &failed):
		err = failed.Err // without the URL
	}
	return fmt.Errorf("%w: %s: %w", search.ErrAway, s.where, err)
}

// refused says what it means that the server answers with an error.
func (s *Server) refused(status int, text []byte) error {
	switch {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("the search engine at %s refuses the user and the password", s.where)
	case status == http.StatusForbidden:
		return fmt.Errorf("the search engine at %s gives this user no right to what is asked, for indices named %s-*: %s", s.where, s.prefix, why(text))
	case status == http.StatusTooManyRequests, status >= 500:
		return fmt.Errorf("%w: %s answers %d: %s", search.ErrAway, s.where, status, why(text))
	}
	return fmt.Errorf("the search engine at %s answers %d: %s", s.where, status, why(text))
}

// why is the reason that an answer gives, on one line.
func why(text []byte) string {
	var answer struct {
		Error struct {
			Type   string `json:"type"`
			Reason string `json:"reason"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &answer) == nil && answer.Error.Type != "" {
		return answer.Error.Type + ": " + answer.Error.Reason
	}
	return strings.Join(strings.Fields(string(text[:min(len(text), 200)])), " ")
}
