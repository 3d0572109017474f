package main

import (
	"io"
	"log/slog"
	"os"
)

// newLog returns a log for people on a terminal, for machines elsewhere, unless the
// configuration says what it is to be.
func newLog(out io.Writer, format, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: least}
	if format == "text" || format == "" && terminal(out) {
		return slog.New(slog.NewTextHandler(out, options)), nil
	}
	return slog.New(slog.NewJSONHandler(out, options)), nil
}

// terminal reports whether somebody watches out. A pipe or a file is read by a program,
// sooner or later.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
