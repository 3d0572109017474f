package wire

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// A Provider is the payment simulator.
type Provider struct {
	url    string
	client *http.Client
}

// NewProvider returns the one at an address.
func NewProvider(at string) *Provider {
	return &Provider{url: at, client: &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext, MaxIdleConnsPerHost: 512, DisableCompression: true}}}
}

// A Receipt is the provider's answer.
type Receipt struct {
	Reference string    `json:"reference"`
	At        time.Time `json:"at"` // by its clock
}

// Charge captures money.
func (p *Provider) Charge(body []byte) Receipt { return p.ask("/charges", body) }

// Authorize holds money.
func (p *Provider) Authorize(body []byte) Receipt { return p.ask("/authorizations", body) }

// Capture takes what a key holds.
func (p *Provider) Capture(key string) Receipt {
	return p.ask("/authorizations/"+url.PathEscape(key)+"/capture", nil)
}

func (p *Provider) ask(path string, body []byte) Receipt {
	resp, err := p.client.Post(p.url+path, "application/json", bytes.NewReader(body))
	Must(err)
	text, err := io.ReadAll(resp.Body)
	Must(err)
	Must(resp.Body.Close())
	return Decode[Receipt](text)
}
