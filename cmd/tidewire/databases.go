package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// databaseList is the file of a data directory that names the databases that were made
// there, one on a line. A name in it was durably a database, so one that is gone was
// lost; one that is not in it may be new, or half made by a start that died.
const databaseList = "DATABASES"

// databases returns which of the listed databases, and of those of the services, are in
// the data directory at path. It only reads, and refuses a directory that has lost one of
// them: a new one in its place would be empty, and what was in it forgotten. A directory
// of before there was a list may lack a database, but has none that is empty among others.
func databases(path string, services []string) (there []string, err error) {
	text, err := os.ReadFile(filepath.Join(path, databaseList))
	before := errors.Is(err, fs.ErrNotExist)
	if err != nil && !before {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	listed := strings.Fields(string(text))
	all := append(slices.Clone(listed), services...)
	slices.Sort(all)
	var lost, empty []string // listed; of before there was a list
	for _, name := range slices.Compact(all) {
		info, err := os.Stat(filepath.Join(path, name+".db"))
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("data directory: %w", err)
		case err == nil && info.Size() > 0:
			there = append(there, name)
		case err == nil && slices.Contains(listed, name):
			lost = append(lost, name+".db is empty")
		case err == nil && before:
			empty = append(empty, name+".db is empty")
		case slices.Contains(listed, name):
			lost = append(lost, name+".db is missing")
		}
	}
	if len(there) > 0 {
		lost = append(lost, empty...)
	}
	if len(lost) > 0 {
		return nil, fmt.Errorf("data directory %s has lost what was in it: %s. Restore it from a backup or, if all is to begin anew, choose another directory with --data",
			path, strings.Join(lost, " and "))
	}
	return there, nil
}

// list writes the list, durably and as a whole, unless it says that already.
func (d *dataDir) list(names []string) (err error) {
	text := ""
	for _, name := range names {
		text += name + "\n"
	}
	if old, err := os.ReadFile(d.file(databaseList)); err == nil && string(old) == text {
		return nil
	}
	next := d.file(databaseList + ".new")
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(next, d.file(databaseList))
	}
	if err == nil {
		err = syncDir(d.path)
	}
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
