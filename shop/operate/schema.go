package operate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"github.com/tidewire/tidewire/shop/door"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// follows checks a body against the schema of its kind.
func follows(name string, schema, body []byte) error {
	wants, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return fmt.Errorf("schema of %s: %w", name, err)
	}
	is, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return unlike("", err.Error())
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, wants); err != nil {
		return fmt.Errorf("schema of %s: %w", name, err)
	}
	compiled, err := c.Compile(name)
	if err != nil {
		return fmt.Errorf("schema of %s: %w", name, err)
	}
	var wrong *jsonschema.ValidationError
	if err := compiled.Validate(is); !errors.As(err, &wrong) {
		return err
	}
	return door.Invalid(leaves(wrong)...).Cause("breaks-its-schema")
}

// leaves are what is wrong with a body, each with its JSON path.
func leaves(e *jsonschema.ValidationError) (fields []door.Field) {
	for _, cause := range e.Causes {
		fields = append(fields, leaves(cause)...)
	}
	if len(e.Causes) > 0 {
		return fields
	}
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		for _, member := range missing.Missing {
			fields = append(fields, door.Field{Field: pointer(append(e.InstanceLocation, member)), Detail: "is missing"})
		}
		return fields
	}
	return []door.Field{{Field: pointer(e.InstanceLocation), Detail: e.ErrorKind.LocalizedString(message.NewPrinter(language.English))}}
}

// pointer is the JSON pointer to a part of a body, as an edit is told of it.
func pointer(tokens []string) string {
	at := "body"
	for _, token := range tokens {
		at += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
	}
	return at
}

// unlike is a body that cannot be read at a JSON pointer.
func unlike(at, detail string) error {
	return door.Invalid(door.Field{Field: "body" + at, Detail: detail}).Cause("breaks-its-schema")
}
