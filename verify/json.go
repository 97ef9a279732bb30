package verify

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// jsonError says in the file's own terms what a decoder found wrong in text: the
// place of a mistake, or the field and what it should hold.
func jsonError(text []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(text)):
		return fmt.Errorf("cut short after %d bytes", len(text))
	case errors.As(err, &syntax):
		return fmt.Errorf("byte %d: %w", syntax.Offset, err)
	case errors.As(err, &kind):
		field := "field " + kind.Field
		if kind.Field == "" {
			field = "the file"
		}
		return fmt.Errorf("%s: want %s, found %s", field, wantedIn(kind.Type), withArticle(kind.Value))
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// wantedIn says what JSON a field of a type takes.
func wantedIn(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number of at least 0"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Pointer:
		return wantedIn(t.Elem())
	}
	return "an object"
}

// withArticle completes the decoder's word for what it found, as array or
// number -1.
func withArticle(found string) string {
	switch {
	case found == "array" || found == "object":
		return "an " + found
	case found == "string" || found == "number":
		return "a " + found
	case found == "bool":
		return "true or false"
	}
	return found
}
