package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/tidewire/tidewire/shop/door"
)

// errNotRunning: nobody listens where the platform should be.
var errNotRunning = errors.New("the platform is not running")

// A client asks one of the platform's doors. Commands know the platform by nothing else,
// so they work the same on every engine, and beside every instance.
type client struct {
	ctx  context.Context
	base string
	key  string // the configuration key of its address
}

// operators is a client of the operators' door.
func (c *console) operators() (*client, error) {
	loaded, err := c.load(nil)
	if err != nil {
		return nil, err
	}
	return &client{ctx: c.ctx, base: "http://" + loaded.Admin, key: "admin"}, nil
}

// customers is a client of the customers' door.
func (c *console) customers() (*client, error) {
	loaded, err := c.load(nil)
	if err != nil {
		return nil, err
	}
	return &client{ctx: c.ctx, base: "http://" + loaded.Listen, key: "listen"}, nil
}

// clientTimeout is for one answer: the doors give up earlier, and their answer says more
// than a timeout here would.
const clientTimeout = 30 * time.Second

// do sends one request and reads what it answers into into. A refusal comes back
// as a *door.Problem; nobody there as errNotRunning, with the key of the address.
func (c *client) do(method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.ctx, clientTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if body == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: nobody listens at %s (key %s): start it with tidewire up", errNotRunning, c.base, c.key)
	}
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode > 299 { // a problem says it better than a number
		var p door.Problem
		if err := json.Unmarshal(answer, &p); err != nil || p.Title == "" {
			return fmt.Errorf("%s %s answers %s", method, path, resp.Status)
		}
		return &p
	}
	return json.Unmarshal(answer, into)
}

// all reads every page of a list. It is never nil, as scripts expect [] of nothing.
func all[T any](c *client, path string, query url.Values) ([]T, error) {
	return some[T](c, path, query, 0)
}

// some reads as many pages of a list as it takes to have most items; 0 is all.
func some[T any](c *client, path string, query url.Values, most int) ([]T, error) {
	items := []T{}
	if query == nil {
		query = url.Values{}
	}
	for {
		var page door.List[T]
		if err := c.do(http.MethodGet, path+"?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		switch {
		case most > 0 && len(items) >= most:
			return items[:most], nil
		case page.Next == "":
			return items, nil
		}
		query.Set("cursor", page.Next)
	}
}
