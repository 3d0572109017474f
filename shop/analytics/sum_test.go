package analytics

import (
	"fmt"
	"math"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
)

func TestSum(t *testing.T) {
	for _, c := range []struct {
		add  []int64
		want sum
		text string
	}{
		{nil, sum{}, "0"},
		{[]int64{1, 2}, sum{0, 3}, "3"},
		{[]int64{unit - 1, 1}, sum{1, 0}, "1000000000000000000"},
		{[]int64{unit - 1, unit - 1}, sum{1, unit - 2}, "1999999999999999998"},
		{[]int64{math.MaxInt64, math.MaxInt64}, sum{18, 446_744_073_709_551_614}, "18446744073709551614"},
	} {
		var got sum
		for _, n := range c.add {
			got = got.plus(sumOf(n))
		}
		if got != c.want || got.whole().String() != c.text {
			t.Errorf("%d: got %v, %v; want %v, %s", c.add, got, got.whole(), c.want, c.text)
		}
	}
}

// Revenue and refunds stay right beyond what an int64 holds: in one batch, and from one
// batch to another.
func TestMoneyHasNoBound(t *testing.T) {
	const most = 1 << 62
	s := start(t)
	sells := func(id string) []event {
		return []event{
			{contract.Orders, id, contract.OrderCreated{OrderID: id, Total: most, Currency: "USD"}, noon}, completes(id, noon),
			{contract.Payments, id, contract.PaymentRefunded{OrderID: id, Amount: most, Currency: "USD"}, noon},
		}
	}
	var batch []event
	for i := range 4 {
		batch = append(batch, sells(fmt.Sprint("together", i))...)
	}
	s.hears(t, batch...)
	for i := range 4 {
		s.hears(t, sells(fmt.Sprint("alone", i))...)
	}
	want := amount{"USD", "368934881474191032.32"} // 8 * 2^62
	p, body := s.page(t, "")
	if len(p.Revenue) != 1 || p.Revenue[0] != want || len(p.Refunded) != 1 || p.Refunded[0] != want ||
		len(p.RevenueByDay) != 1 || p.RevenueByDay[0] != (dayAmount{"2026-03-01", want}) || p.Completed != 8 {
		t.Errorf("got %s, want %v three times", body, want)
	}
}
