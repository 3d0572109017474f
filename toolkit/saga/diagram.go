package saga

import (
	"fmt"
	"slices"
	"strings"
)

// Diagram draws the definition in Mermaid; see Definition.Diagram.
func (s Saga[S]) Diagram(at *Instance) string { return s.Definition().Diagram(at) }

// Diagram draws d in Mermaid, and the way of an instance through it, if there is one: green
// is done, yellow is waited for, red is where it turned back, grey is undone. What closed it
// is an arrow of its own.
func (d Definition) Diagram(at *Instance) string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	for i, st := range d.Steps {
		shape := []string{"[\"", "\"]"}
		if st.Pivot {
			shape = []string{"{{\"", "\"}}"}
		}
		fmt.Fprintf(&b, "    s%d%s%s%s\n", i, shape[0], st.label(), shape[1])
	}
	b.WriteString("    completed([completed])\n    undone([undone])\n")
	for i, st := range d.Steps {
		fmt.Fprintf(&b, "    s%d -->%s %s\n", i, edge(st.Answer), d.after(i))
		if st.Refusal != "" {
			fmt.Fprintf(&b, "    s%d -.->%s %s\n", i, edge(st.Refusal), d.undoes(i-1))
		}
		if st.undoes() {
			fmt.Fprintf(&b, "    u%d[/\"undo %s\"/] -.->%s %s\n", i, st.Name, edge(strings.Join(st.Undone, ", ")), d.undoes(i-1))
		}
	}
	if at != nil {
		b.WriteString(d.way(*at))
	}
	return b.String()
}

func (st StepText) label() string {
	if st.Who == "" {
		return st.Name
	}
	return st.Name + "<br/>" + st.Who
}

// undoes reports whether st is a stop on the way back.
func (st StepText) undoes() bool { return st.Back || len(st.Undone) > 0 }

func edge(says string) string {
	if says == "" {
		return ""
	}
	return "|\"" + says + "\"|"
}

// after is what follows step i once it is done.
func (d Definition) after(i int) string {
	if i+1 == len(d.Steps) {
		return "completed"
	}
	return fmt.Sprintf("s%d", i+1)
}

// undoes is the next stop on the way back, from step i on.
func (d Definition) undoes(i int) string {
	for ; i >= 0; i-- {
		if d.Steps[i].undoes() {
			return fmt.Sprintf("u%d", i)
		}
	}
	return "undone"
}

// index is the place of a stored step; -1 if there is none.
func (d Definition) index(step string) int {
	return slices.IndexFunc(d.Steps, func(st StepText) bool { return st.Name == step || slices.Contains(st.Moved, step) })
}

// way colours what an instance went through.
func (d Definition) way(at Instance) string {
	classes := map[string][]string{}
	put := func(class, node string) { classes[class] = append(classes[class], node) }
	step, turned := d.index(at.Step), d.index(at.Turned)
	for i, st := range d.Steps {
		switch {
		case at.State == Completed, at.State == Running && i < step, turned > i:
			put("done", fmt.Sprintf("s%d", i))
		case i == turned:
			put("turned", fmt.Sprintf("s%d", i))
		case at.State == Running && i == step:
			put("waits", fmt.Sprintf("s%d", i))
		}
		switch {
		case !st.undoes() || turned < i || i == turned && st.Refusal == at.Why:
		case at.State == Undone, at.State == Undoing && i > step:
			put("undone", fmt.Sprintf("u%d", i))
		case at.State == Undoing && i == step:
			put("waits", fmt.Sprintf("u%d", i))
		}
	}
	if at.State == Completed || at.State == Undone {
		put("done", string(at.State))
	}
	var b strings.Builder
	if at.State == Closed && turned >= 0 {
		fmt.Fprintf(&b, "    s%d -.->%s closed([closed])\n", turned, edge(at.Why))
		put("done", "closed")
	}
	for _, c := range [][2]string{{"done", "#c8e6c9"}, {"waits", "#fff59d"}, {"turned", "#ffcdd2"}, {"undone", "#e0e0e0"}} {
		if nodes := classes[c[0]]; len(nodes) > 0 {
			fmt.Fprintf(&b, "    classDef %s fill:%s,color:#000\n    class %s %s\n", "is"+c[0], c[1], strings.Join(nodes, ","), "is"+c[0])
		}
	}
	return b.String()
}
