package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/operate"
)

// A deadEditCommand puts a message with another body in the place of a dead letter.
type deadEditCommand struct {
	ID      string   `arg:"" help:"As dead list --letters prints it."`
	Body    string   `placeholder:"FILE" help:"A file with the new body, or with what dead show printed; - is standard input."`
	Put     []string `sep:"none" placeholder:"/POINTER=VALUE" help:"Change one value: a JSON pointer into the body, and JSON, or else text. May be given more than once."`
	Redrive bool     `help:"And have it tried again, in the same commit."`
	Why     string   `help:"Why. It is kept with your name, and with the old body."`
	Who     string   `help:"Who decides. Default: the user of this machine."`
	JSON    bool     `help:"Print JSON."`
}

// Help gives examples.
func (deadEditCommand) Help() string {
	return `Only the body can be edited: id, type, key, time and version are the message's own. The new message has an id of its own, unless the sender gave it a name, and takes the place of the old one, still dead; the old body is kept with your name. A body that breaks its schema, or that its handler cannot read, is refused with the JSON path of what is wrong. Without --body and --put it opens $EDITOR.

Examples:

  tidewire dead edit payment/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --put /total=2500 --why 'a price with a comma' --redrive
  tidewire dead show payment/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e > letter.json
  tidewire dead edit payment/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --body letter.json`
}

// Run edits a letter.
func (cmd deadEditCommand) Run(c *console) error {
	if cmd.Body != "" && len(cmd.Put) > 0 {
		return wrong(errors.New("give --body or --put, but not both"))
	}
	door, err := c.operators()
	if err != nil {
		return err
	}
	l, path, err := letter(door, cmd.ID)
	if err != nil {
		return err
	}
	body, err := cmd.body(c, l)
	if err != nil {
		return err
	}
	if same(body, l.Body) {
		return wrong(errors.New("nothing was changed"))
	}
	var done operate.DeadLetterDecided
	err = door.do(http.MethodPost, path+"/edit", operate.Edit{Body: body, Redrive: cmd.Redrive, Decision: operate.Decision{Who: cmp.Or(cmd.Who, me()), Why: cmd.Why}}, &done)
	switch {
	case err != nil:
		return err
	case cmd.JSON:
		return printJSON(c.out, done)
	}
	if done.Became == done.Letter { // whoever sent it has named it, and finds it by that name
		fmt.Fprintf(c.out, "edit %s: it has another body now\n", done.Letter)
	} else {
		fmt.Fprintf(c.out, "edit %s: %s has taken its place\n", done.Letter, done.Became)
	}
	if !cmd.Redrive {
		fmt.Fprintf(c.out, "it is dead still: tidewire dead redrive %s\n", done.Became)
	}
	return nil
}

// same reports whether two bodies say the same.
func same(a, b jsontext.Value) bool {
	x, y := bytes.Clone(a), bytes.Clone(b)
	one, other := jsontext.Value(x), jsontext.Value(y)
	return len(a) > 0 && len(b) > 0 && one.Canonicalize() == nil && other.Canonicalize() == nil && bytes.Equal(one, other)
}

// body is the new body, from wherever it comes.
func (cmd deadEditCommand) body(c *console, l operate.Letter) (jsontext.Value, error) {
	switch {
	case len(cmd.Put) > 0:
		return cmd.changed(l)
	case cmd.Body == "-":
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return nil, err
		}
		return bodyOf(l, text)
	case cmd.Body != "":
		text, err := os.ReadFile(cmd.Body)
		if err != nil {
			return nil, wrong(err)
		}
		return bodyOf(l, text)
	}
	return cmd.written(c, l)
}

// written is the new body as a person writes it in an editor.
func (cmd deadEditCommand) written(c *console, l operate.Letter) (body jsontext.Value, err error) {
	editor := os.Getenv("EDITOR")
	if in, err := os.Stdin.Stat(); editor == "" || err != nil || in.Mode()&os.ModeCharDevice == 0 {
		return nil, wrong(errors.New("give --body FILE or --put /POINTER=VALUE; or set EDITOR, on a terminal"))
	}
	dir, err := os.MkdirTemp("", "letter")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var text bytes.Buffer
	if err := printJSON(&text, l); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "letter.json")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	words := append(strings.Fields(editor), file)
	edit := exec.CommandContext(c.ctx, words[0], words[1:]...)
	edit.Stdin, edit.Stdout, edit.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := edit.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", editor, err)
	}
	changed, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return bodyOf(l, changed)
}

// bodyOf is the body in a text, which is a body or a letter as dead show prints it. Of a
// letter nothing else may have been changed.
func bodyOf(l operate.Letter, text []byte) (jsontext.Value, error) {
	v := jsontext.Value(bytes.TrimSpace(text))
	if !v.IsValid() {
		return nil, wrong(errors.New("the new body is not JSON"))
	}
	var is map[string]jsontext.Value
	if err := json.Unmarshal(v, &is); err != nil || is["envelope"] == nil || is["id"] == nil {
		return v, nil
	}
	var shown bytes.Buffer
	if err := printJSON(&shown, l); err != nil {
		return nil, err
	}
	var was map[string]jsontext.Value
	if err := json.Unmarshal(shown.Bytes(), &was); err != nil {
		return nil, err
	}
	if name := differs(was, is); name != "" {
		return nil, wrong(fmt.Errorf("%s was changed: only the body of a message can be edited", name))
	}
	return is["body"], nil
}

// differs names the first attribute of a letter that is another one.
func differs(was, is map[string]jsontext.Value) string {
	names := maps.Clone(was)
	maps.Copy(names, is)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var old, now any
		if name == "body" || name == "raw" {
			continue
		}
		if errors.Join(json.Unmarshal(orNull(was[name]), &old), json.Unmarshal(orNull(is[name]), &now)) != nil || !reflect.DeepEqual(old, now) {
			if name != "envelope" {
				return name
			}
			var a, b map[string]jsontext.Value
			if json.Unmarshal(orNull(was[name]), &a) == nil && json.Unmarshal(orNull(is[name]), &b) == nil {
				return name + "." + differs(a, b)
			}
			return name
		}
	}
	return ""
}

func orNull(v jsontext.Value) []byte {
	if v == nil {
		return []byte("null")
	}
	return v
}

// changed is the old body with some values changed.
func (cmd deadEditCommand) changed(l operate.Letter) (jsontext.Value, error) {
	if l.Body == nil {
		return nil, wrong(errors.New("its body is not JSON: give a new one with --body"))
	}
	root, err := exactly(l.Body)
	if err != nil {
		return nil, err
	}
	for _, s := range cmd.Put {
		pointer, text, ok := strings.Cut(s, "=")
		if !ok || !strings.HasPrefix(pointer, "/") {
			return nil, wrong(fmt.Errorf("--put %s: must be /POINTER=VALUE", s))
		}
		value, err := exactly([]byte(text))
		if err != nil || !jsontext.Value(text).IsValid() {
			value = text
		}
		if root, err = set(root, strings.Split(pointer, "/")[1:], value); err != nil {
			return nil, wrong(fmt.Errorf("--put %s: %w", s, err))
		}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err = e.Encode(root)
	return bytes.TrimSpace(out.Bytes()), err
}

// exactly decodes JSON whose numbers keep their digits.
func exactly(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// set puts a value at a JSON pointer: over one that is there, as a new member of an object,
// or, at -, behind the last of an array.
func set(in any, tokens []string, value any) (any, error) {
	if len(tokens) == 0 {
		return value, nil
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(tokens[0])
	switch in := in.(type) {
	case map[string]any:
		old, there := in[name]
		if !there && len(tokens) > 1 {
			return nil, fmt.Errorf("there is no %s", name)
		}
		changed, err := set(old, tokens[1:], value)
		if err == nil {
			in[name] = changed
		}
		return in, err
	case []any:
		if name == "-" && len(tokens) == 1 {
			return append(in, value), nil
		}
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(in) {
			return nil, fmt.Errorf("there is no %s in an array of %d", name, len(in))
		}
		in[i], err = set(in[i], tokens[1:], value)
		return in, err
	}
	return nil, fmt.Errorf("there is nothing at %s: it is neither an object nor an array", name)
}
