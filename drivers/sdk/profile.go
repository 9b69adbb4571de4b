package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
)

// DecodeProfile decodes the defaults (YAML, the model's embedded profile.yaml) and then the
// overrides (a JSON object, may be empty) into v. Keys that v does not have are refused, in
// both, and so is an override of the wrong type.
func DecodeProfile(defaults, overrides []byte, v any) error {
	base, err := yaml.YAMLToJSON(defaults)
	if err != nil {
		return fmt.Errorf("profile.yaml: %w", err)
	}
	if err := strict(base, v); err != nil {
		return fmt.Errorf("profile.yaml: %w", err)
	}
	if len(bytes.TrimSpace(overrides)) == 0 {
		return nil
	}
	if err := strict(overrides, v); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return nil
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if s, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return fmt.Errorf("unknown key %s", s)
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one object")
	}
	return nil
}
