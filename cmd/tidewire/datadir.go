package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A dataDir is a data directory that nobody else has while it is open. Two processes on
// the same files would each take the other's jobs for lost, and do them twice.
type dataDir struct {
	path string
	lock *os.File
}

// openDataDir makes and locks the directory at path. The lock ends with the process,
// however it ends.
func openDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := flock(lock); err != nil {
		pid, readErr := io.ReadAll(io.LimitReader(lock, 20))
		err = fmt.Errorf("data directory %s is in use by process %s: stop it, or choose another with --data", path, strings.TrimSpace(string(pid)))
		return nil, errors.Join(err, readErr, lock.Close())
	}
	d := &dataDir{path: path, lock: lock}
	if err := d.sign(); err != nil {
		return nil, fmt.Errorf("data directory: %w", errors.Join(err, lock.Close()))
	}
	return d, nil
}

// killLimit is how long the kernel may take to bury a process that was killed.
const killLimit = time.Second

// flock takes the lock of a file, unless another process goes on holding it.
func flock(f *os.File) (err error) {
	for start := time.Now(); ; {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Since(start) > killLimit {
			return err
		}
		time.Sleep(retryPause)
	}
}

// sign writes our process id into the lock, for whoever finds it held. The id decides
// nothing: only the kernel knows who holds a lock.
func (d *dataDir) sign() error {
	if err := d.lock.Truncate(0); err != nil {
		return err
	}
	_, err := d.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

func (d *dataDir) Close() error { return d.lock.Close() }

// free returns the bytes that can still be written below path by those who are not
// root, whose reserve is no room of ours.
func free(path string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("disk of %s: %w", path, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}
