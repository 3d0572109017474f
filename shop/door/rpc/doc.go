// Package rpc is what every gRPC door shares, and how one service asks another.
//
//	call ──► Serve (panics, deadline, trace, limits) ──► a service's grpc.go
//	           Door.Ask: what the customers' door answers  ──► HTTP route
//	           or a question of another service            ──► use case
//	         ──► answer, or a status: the same causes as in problem documents
//
// A call for customers is made a request of the customers' door, so that both check, store,
// repeat, measure and refuse alike, and one cannot drift from the other. The rules that the
// .proto files state are those of that door, which checks them.
//
// Dial is the other side: a Client spreads calls over the instances of a service by least
// request, has a deadline and a breaker for each, and says door.ErrAway where there is no
// answer.
package rpc
