package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	analyticsv1 "github.com/tidewire/tidewire/shop/api/tidewire/analytics/v1"
	inventoryv1 "github.com/tidewire/tidewire/shop/api/tidewire/inventory/v1"
	orderv1 "github.com/tidewire/tidewire/shop/api/tidewire/order/v1"
	paymentv1 "github.com/tidewire/tidewire/shop/api/tidewire/payment/v1"
	productv1 "github.com/tidewire/tidewire/shop/api/tidewire/product/v1"
	shippingv1 "github.com/tidewire/tidewire/shop/api/tidewire/shipping/v1"
	userv1 "github.com/tidewire/tidewire/shop/api/tidewire/user/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// door is where the gRPC door of a service is, as the log says.
func (r *running) door(service string) (at string) {
	r.t.Helper()
	line := regexp.MustCompile(`\b` + service + `=([\d.]+:\d+)`)
	eventually(r.t, "the gRPC door of "+service, func() bool {
		m := line.FindStringSubmatch(r.log.String())
		if m != nil {
			at = m[1]
		}
		return m != nil
	})
	return at
}

// dialed is a connection to a gRPC door.
func dialed(t *testing.T, at string) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient(at, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// shown is what the customers' door shows at a path, as a message: nothing of it may be
// missing in the contract.
func (r *running) shown(path string, into proto.Message) proto.Message {
	r.t.Helper()
	answer, err := http.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %d %s, %v", path, answer.StatusCode, text, err)
	}
	if err := protojson.Unmarshal(text, into); err != nil {
		r.t.Errorf("GET %s shows what the contract does not have: %v\n%s", path, err, text)
	}
	return into
}

// Every call does what the customers' door does, and shows the same.
func TestCalls(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	ctx := t.Context()
	same := func(what string, got, want proto.Message, err error) {
		t.Helper()
		if err != nil || !proto.Equal(got, want) {
			t.Errorf("%s: got %v, %v; want %v", what, got, err, want)
		}
	}

	users := userv1.NewUserServiceClient(dialed(t, r.door("user")))
	made, err := users.RegisterUser(ctx, &userv1.RegisterUserRequest{Id: new("grace"), Name: "Grace", Email: "grace@example.com"})
	same("RegisterUser", made.GetUser(), r.shown("/api/users/grace", &userv1.User{}), err)
	user, err := users.GetUser(ctx, &userv1.GetUserRequest{Id: "grace"})
	same("GetUser", user.GetUser(), made.GetUser(), err)
	known, err := users.CheckUser(ctx, &userv1.CheckUserRequest{Id: "grace"})
	same("CheckUser", known, &userv1.CheckUserResponse{Known: true}, err)
	known, err = users.CheckUser(ctx, &userv1.CheckUserRequest{Id: "nobody"})
	same("CheckUser of nobody", known, &userv1.CheckUserResponse{}, err)
	contacts, err := users.ListContacts(ctx, &userv1.ListContactsRequest{UserIds: []string{"grace", "nobody"}})
	same("ListContacts", contacts, &userv1.ListContactsResponse{Contacts: []*userv1.Contact{{UserId: "grace", Name: "Grace", Email: "grace@example.com"}}}, err)

	products := productv1.NewProductServiceClient(dialed(t, r.door("product")))
	lamp, err := products.CreateProduct(ctx, &productv1.CreateProductRequest{Id: new("lamp"), Name: "Lamp", Price: "12.5", Stock: new(int32(10)), Category: "light", Description: "bright"})
	same("CreateProduct", lamp.GetProduct(), r.shown("/api/products/lamp", &productv1.Product{}), err)
	changed, err := products.UpdateProduct(ctx, &productv1.UpdateProductRequest{Id: "lamp", Price: new("13"), Description: new("")})
	same("UpdateProduct", changed.GetProduct(), r.shown("/api/products/lamp", &productv1.Product{}), err)
	if p := changed.GetProduct(); p.GetPrice() != "13.00" || p.GetName() != "Lamp" || p.GetDescription() != "" {
		t.Errorf("changed into %v", p)
	}
	product, err := products.GetProduct(ctx, &productv1.GetProductRequest{Id: "lamp"})
	same("GetProduct", product.GetProduct(), changed.GetProduct(), err)
	page, err := products.SearchProducts(ctx, &productv1.SearchProductsRequest{Query: "lamp", Category: "light", Limit: new(int32(5))})
	same("SearchProducts", page, r.shown("/api/products?query=lamp&category=light&limit=5", &productv1.SearchProductsResponse{}), err)
	if len(page.GetItems()) != 1 {
		t.Errorf("found %v", page)
	}
	offers, err := products.LookupProducts(ctx, &productv1.LookupProductsRequest{Ids: []string{"lamp", "none"}})
	same("LookupProducts", offers, &productv1.LookupProductsResponse{Offers: []*productv1.Offer{{ProductId: "lamp", Name: "Lamp", Price: "13.00", Currency: "USD"}}}, err)

	stock := inventoryv1.NewInventoryServiceClient(dialed(t, r.door("inventory")))
	eventually(t, "the stock of the lamp", func() bool {
		_, err := stock.GetStock(ctx, &inventoryv1.GetStockRequest{ProductId: "lamp"})
		return err == nil
	})
	more, err := stock.RestockProduct(ctx, &inventoryv1.RestockProductRequest{ProductId: "lamp", Quantity: 5})
	same("RestockProduct", more.GetStock(), r.shown("/api/inventory/lamp", &inventoryv1.Stock{}), err)
	less, err := stock.AdjustStock(ctx, &inventoryv1.AdjustStockRequest{ProductId: "lamp", Quantity: -3, Reason: "broken"})
	same("AdjustStock", less.GetStock(), r.shown("/api/inventory/lamp", &inventoryv1.Stock{}), err)
	if less.GetStock().GetOnHand() != 12 {
		t.Errorf("there are %v", less.GetStock())
	}
	lacking, err := stock.CheckStock(ctx, &inventoryv1.CheckStockRequest{Wanted: []*inventoryv1.Demand{{ProductId: "lamp", Quantity: 13}}})
	same("CheckStock", lacking, &inventoryv1.CheckStockResponse{Lacking: []string{"lamp"}}, err)

	orders := orderv1.NewOrderServiceClient(dialed(t, r.door("order")))
	wanted := &orderv1.PlaceOrderRequest{UserId: "grace", Items: []*orderv1.WantedItem{{ProductId: "lamp", Quantity: 2}}}
	keyed := metadata.AppendToOutgoingContext(ctx, "idempotency-key", "once")
	placed, err := orders.PlaceOrder(keyed, wanted)
	if err != nil || placed.GetOrder().GetTotal() != "26.00" || placed.GetOrder().GetStatus() != "pending" {
		t.Fatalf("PlaceOrder: %v, %v", placed, err)
	}
	again, err := orders.PlaceOrder(keyed, wanted)
	same("PlaceOrder again", again, placed, err)
	id := placed.GetOrder().GetId()
	r.final(id)
	r.settled()
	order, err := orders.GetOrder(ctx, &orderv1.GetOrderRequest{Id: id})
	same("GetOrder", order.GetOrder(), r.shown("/api/orders/"+id, &orderv1.Order{}), err)
	list, err := orders.ListOrders(ctx, &orderv1.ListOrdersRequest{UserId: "grace", Final: true})
	same("ListOrders", list, r.shown("/api/orders?userId=grace&final=true", &orderv1.ListOrdersResponse{}), err)
	past, err := orders.ListOrderEvents(ctx, &orderv1.ListOrderEventsRequest{Id: id, Until: timestamppb.Now()})
	same("ListOrderEvents", past, r.shown("/api/orders/"+id+"/events", &orderv1.ListOrderEventsResponse{}), err)
	ended, err := orders.ListEnded(ctx, &orderv1.ListEndedRequest{OrderIds: []string{id, "none"}})
	same("ListEnded", ended, &orderv1.ListEndedResponse{Completed: map[string]bool{id: true}}, err)

	payment, err := paymentv1.NewPaymentServiceClient(dialed(t, r.door("payment"))).GetPayment(ctx, &paymentv1.GetPaymentRequest{OrderId: id})
	same("GetPayment", payment.GetPayment(), r.shown("/api/payments/"+id, &paymentv1.Payment{}), err)
	shipment, err := shippingv1.NewShippingServiceClient(dialed(t, r.door("shipping"))).GetShipment(ctx, &shippingv1.GetShipmentRequest{OrderId: id})
	same("GetShipment", shipment.GetShipment(), r.shown("/api/shipments/"+id, &shippingv1.Shipment{}), err)
	numbers, err := analyticsv1.NewAnalyticsServiceClient(dialed(t, r.door("analytics"))).GetAnalytics(ctx, &analyticsv1.GetAnalyticsRequest{Days: new(int32(7)), Top: new(int32(3))})
	same("GetAnalytics", numbers, r.shown("/api/analytics?days=7&top=3", &analyticsv1.GetAnalyticsResponse{}), err)

	// One that is called off while it waits for its payment.
	waits, goOn := r.waits()
	off, err := orders.CancelOrder(ctx, &orderv1.CancelOrderRequest{Id: waits})
	if err != nil || off.GetOrder().GetStatus() != "cancelled" || !off.GetOwing() {
		t.Errorf("CancelOrder: %v, %v", off, err)
	}
	goOn()
	r.refusals(users, orders)
}

// refusals are told as causes that a program can branch on.
func (r *running) refusals(users userv1.UserServiceClient, orders orderv1.OrderServiceClient) {
	past, cancel := context.WithDeadline(r.t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, tt := range []struct {
		name string
		call func() error
		want codes.Code
		says string
	}{
		{"no such user", func() error { _, err := users.GetUser(r.t.Context(), &userv1.GetUserRequest{Id: "nobody"}); return err }, codes.NotFound, "NO_SUCH_USER"},
		{"nobody's path", func() error { _, err := users.GetUser(r.t.Context(), &userv1.GetUserRequest{Id: "a/../b"}); return err }, codes.NotFound, "NO_SUCH"},
		{"another of that id", func() error {
			_, err := users.RegisterUser(r.t.Context(), &userv1.RegisterUserRequest{Id: new("grace"), Name: "Other", Email: "o@example.com"})
			return err
		}, codes.AlreadyExists, "ID_TAKEN"},
		{"no name", func() error {
			_, err := users.RegisterUser(r.t.Context(), &userv1.RegisterUserRequest{Email: "o@example.com"})
			return err
		}, codes.InvalidArgument, "NO_NAME"},
		{"quantity 0", func() error {
			_, err := orders.PlaceOrder(r.t.Context(), &orderv1.PlaceOrderRequest{UserId: "grace", Items: []*orderv1.WantedItem{{ProductId: "lamp"}}})
			return err
		}, codes.InvalidArgument, "items[0].quantity"},
		{"too many to ask for", func() error {
			_, err := users.ListContacts(r.t.Context(), &userv1.ListContactsRequest{UserIds: slices.Repeat([]string{"1"}, 1001)})
			return err
		}, codes.InvalidArgument, "user_ids"},
		{"too large", func() error {
			_, err := users.RegisterUser(r.t.Context(), &userv1.RegisterUserRequest{Name: strings.Repeat("x", 2<<20)})
			return err
		}, codes.ResourceExhausted, ""},
		{"too late", func() error { _, err := users.GetUser(past, &userv1.GetUserRequest{Id: "1"}); return err }, codes.DeadlineExceeded, ""},
	} {
		err := tt.call()
		if told := status.Convert(err); told.Code() != tt.want || !strings.Contains(fmt.Sprint(told.Details()), tt.says) {
			r.t.Errorf("%s: got %v with %v; want %v with %s", tt.name, err, told.Details(), tt.want, tt.says)
		}
	}
}
