package order

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidewire/tidewire/toolkit/message"
)

// Follows returns the names of the events that a service follows, as the flow has it.
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

// Diagram draws the flow in Mermaid: events, and who makes one of others. Dashed is what
// happens if it cannot be done.
func Diagram() string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	for i, s := range Flow() {
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

// outside reports whether what s comes after is no event.
func (s Step) outside(n int) bool {
	_, outside := s.After[n].(Cause)
	return outside
}

// Table lists the flow in Markdown: after what, who does what, and says what.
func Table() string {
	var b strings.Builder
	b.WriteString("| after | who | does | says |\n|---|---|---|---|\n")
	for _, s := range Flow() {
		var after []string
		for _, a := range s.After {
			after = append(after, a.Kind())
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", strings.Join(after, ", "), s.Who, s.Does, says(s))
	}
	return b.String()
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
