package main

import (
	"path/filepath"
	"testing"
)

// Where inventory is asked, what it has not enough of is refused at the door. Where nobody
// answers, as it does not run here, the order is taken.
func TestStockIsCheckedWhereThatIsConfigured(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data, "--set", "order.check_stock=true")
	r.do("POST", "/api/products", `{"id":"rare","name":"Rare","price":"1.50","stock":2}`)
	eventually(t, "inventory knows the product", func() bool {
		status, _ := r.do("GET", "/api/inventory/rare", "")
		return status == 200
	})
	const three = `{"userId":"1","items":[{"productId":"rare","quantity":2},{"productId":"1","quantity":1},{"productId":"rare","quantity":1}]}`
	if status, problem := r.do("POST", "/api/orders", three); status != 409 || problem["reason"] != "out_of_stock" || problem["detail"] != "There is not enough of product rare." {
		t.Errorf("told %d %v; want 409 out_of_stock", status, problem)
	}
	r.ends(`{"userId":"1","productId":"rare","quantity":2}`, "completed", "")
	if n := r.metrics()[`tidewire_request_asked_total{queue="inventory_questions",result="answered"}`]; n != 2 {
		t.Errorf("%v questions were answered, want 2", n)
	}
	r.term()
	r = up(t, data, "user", "product", "order", "--set", "order.check_stock=true")
	r.order(three)
	if n := r.metrics()[`tidewire_request_asked_total{queue="inventory_questions",result="nobody"}`]; n != 1 {
		t.Errorf("%v questions were counted that nobody could answer, want 1", n)
	}
}
