package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
)

// A parcel arrives, though the platform dies while it is on its way: whoever starts next
// follows it to its end. Its label is at the door meanwhile.
func TestParcelArrives(t *testing.T) {
	data := t.TempDir()
	quick := []string{"--set", "carrier.day=1s"}
	r := up(t, data, quick...)
	o := r.ends(`{"userId":"1","productId":"1","quantity":2}`, "completed", "")
	at := fmt.Sprint("/api/shipments/", o["id"])
	r.kill()
	r = up(t, data, quick...)

	label, err := http.Get(r.url + at + "/label.pdf")
	if err != nil {
		t.Fatal(err)
	}
	defer label.Body.Close()
	sheet, err := io.ReadAll(label.Body)
	if err != nil || label.StatusCode != http.StatusOK || label.Header.Get("Content-Type") != "application/pdf" || !bytes.HasPrefix(sheet, []byte("%PDF-")) {
		t.Errorf("label: got %d %s, %d bytes (%v)", label.StatusCode, label.Header.Get("Content-Type"), len(sheet), err)
	}

	var parcel object
	eventually(t, "the order says that its parcel was delivered", func() bool {
		_, o = r.do("GET", fmt.Sprint("/api/orders/", o["id"]), "")
		shipment, _ := o["shipment"].(map[string]any)
		return shipment["status"] == "delivered"
	})
	if o["status"] != "completed" {
		t.Errorf("the order is %v", o["status"])
	}
	_, parcel = r.do("GET", at, "")
	var events []string
	for _, e := range parcel["events"].([]any) {
		events = append(events, e.(map[string]any)["type"].(string))
	}
	want := []string{"wanted", "shipped", "picked_up", "in_transit", "out_for_delivery", "delivered"}
	if parcel["status"] != "delivered" || !slices.Equal(events, want) {
		t.Errorf("got %v, want it delivered by %v", parcel, want)
	}
	if exit, out, errs := tidewire(t, "audit", "--data", data); exit != 0 {
		t.Errorf("audit: exit %d\n%s%s", exit, out, errs)
	}
}
