package order

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
)

// conducted is the list in saga.go as what each service does because of it: forwards each
// step is asked for after the one before; backwards it is undone after a refusal, or after
// the one behind it is.
func conducted() (all []Step) {
	const style = contract.Orchestrated
	steps, of := (&Service{}).placeOrder().Steps, &row{}
	add := func(after []message.Kind, who, does string, says ...message.Kind) {
		s := Step{Style: style, After: after, Who: who, Does: does, Says: says[0]}
		if len(says) > 1 {
			s.Else = says[1]
		}
		all = append(all, s)
	}
	after := on(Cause("POST /api/orders"))
	for _, s := range steps[1:] { // the first is accepted's
		if s.Send == nil {
			add(after, "order", s.Name+"s the order", s.Answer)
		} else {
			add(after, "order", "asks "+s.Who+": "+s.Name, s.Send(of))
			add(on(s.Send(of)), s.Who, s.Name, s.Answer, s.Refusal)
			after = on(s.Answer)
		}
	}
	after = on(Cause("its deadline"))
	for _, s := range slices.Backward(steps[1:]) {
		if s.Undo != nil {
			add(after, "order", "asks "+s.Who+" to undo: "+s.Name, s.Undo(of))
			add(on(s.Undo(of)), s.Who, "undoes: "+s.Name, s.Undone...)
			after = s.Undone
		}
		if s.Refusal != nil {
			after = append(after[:len(after):len(after)], s.Refusal)
		}
	}
	add(after, "order", "fails the order, once all is undone", contract.OrderFailed{})
	return all
}

// Follows returns the names of the messages that a service follows, as the flow has it.
func Follows(service string) []string {
	var names []string
	for _, s := range Flow() {
		for n, after := range s.After {
			if !s.outside(n) && s.Who == service && !slices.Contains(names, after.Kind()) {
				names = append(names, after.Kind())
			}
		}
	}
	return names
}

// Diagram draws how an order flows in a style, in Mermaid: messages, and who makes one of
// others. Dashed is what happens if it cannot be done.
func Diagram(style string) string {
	if style == contract.Orchestrated {
		return (&Service{}).placeOrder().Diagram(nil)
	}
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	in := slices.DeleteFunc(Flow(), func(s Step) bool { return s.Style != style })
	for i, s := range slices.Concat(accepted(), in, ends()) {
		from := make([]string, len(s.After))
		for n, after := range s.After {
			if from[n] = after.Kind(); s.outside(n) {
				from[n] = fmt.Sprintf("c%d([\"%s\"])", i, after.Kind())
			}
		}
		if s.Says != nil {
			fmt.Fprintf(&b, "    %s -->|\"%s\"| %s\n", strings.Join(from, " & "), s.Who, s.Says.Kind())
		}
		if s.Else != nil {
			fmt.Fprintf(&b, "    %s -.->|\"%s\"| %s\n", strings.Join(from, " & "), s.Who, s.Else.Kind())
		}
	}
	return b.String()
}

// outside reports whether what s comes after is no message.
func (s Step) outside(n int) bool {
	_, outside := s.After[n].(Cause)
	return outside
}

// Table lists what all services do in Markdown: after what, who does what, and says what.
func Table() string {
	var b strings.Builder
	b.WriteString("| style | after | who | does | says |\n|---|---|---|---|---|\n")
	for _, s := range Flow() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", s.Style, strings.Join(kinds(s.After), ", "), s.Who, s.Does, says(s))
	}
	return b.String()
}

// Consumers lists in Markdown which messages each service follows, and whose they are.
func Consumers() string {
	var services []string
	by := map[string]string{} // who says a message
	for _, s := range Flow() {
		if !slices.Contains(services, s.Who) {
			services = append(services, s.Who)
		}
		for _, m := range []message.Kind{s.Says, s.Else} {
			if m != nil {
				by[m.Kind()] = s.Who
			}
		}
	}
	slices.Sort(services)
	var b strings.Builder
	b.WriteString("| service | follows |\n|---|---|\n")
	for _, service := range services {
		of := map[string][]string{}
		for _, kind := range Follows(service) {
			of[by[kind]] = append(of[by[kind]], kind)
		}
		var whose []string
		for _, other := range slices.Sorted(maps.Keys(of)) {
			slices.Sort(of[other])
			whose = append(whose, "of "+other+": "+strings.Join(of[other], ", "))
		}
		if len(whose) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", service, strings.Join(whose, "; "))
		}
	}
	return b.String()
}

func kinds(of []message.Kind) (names []string) {
	for _, k := range of {
		names = append(names, k.Kind())
	}
	return names
}

func says(s Step) string {
	name := func(k message.Kind) string {
		if k == nil {
			return "–"
		}
		return k.Kind()
	}
	if s.Else == nil {
		return name(s.Says)
	}
	return name(s.Says) + ", or " + name(s.Else)
}
