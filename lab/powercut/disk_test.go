package powercut

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	shutdown   = 0x8004587d // EXT4_IOC_SHUTDOWN
	noLogFlush = 2          // what the file system has not written by itself is lost
	diskSize   = 4 << 30    // bytes; sparse. PostgreSQL keeps a gigabyte of log
	busyLimit  = 10 * time.Second
)

// A disk is a file system of its own, on a file. Whoever is not root can reach dir.
type disk struct {
	dir   string // where it is mounted
	image string
	up    bool
}

// newDisk makes and mounts a disk, and takes it away at the end of t.
func newDisk(t *testing.T) *disk {
	t.Helper()
	need(t)
	home, err := os.MkdirTemp("/var/tmp", "tidewire-powercut-") // t.TempDir is closed to PostgreSQL's user
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{dir: filepath.Join(home, "disk"), image: filepath.Join(home, "image")}
	t.Cleanup(func() {
		if err := d.unmount(); err != nil {
			t.Error(err)
			return
		}
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d.format(t)
	return d
}

// need skips t where no disk can be made.
func need(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root: no disk can be mounted, so no power cut was tested")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skipf("no loop devices, so no power cut was tested: %v", err)
	}
	for _, tool := range []string{"mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no power cut was tested: %v", err)
		}
	}
}

// format gives d a new, empty file system.
func (d *disk) format(t *testing.T) {
	t.Helper()
	if err := d.unmount(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(d.image); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(d.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(diskSize); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := command("mkfs.ext4", "-q", "-F", d.image); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput(); err != nil {
		t.Skipf("a loop device cannot be mounted here, so no power cut was tested: %v: %s", err, out)
	}
	d.up = true
}

// cut takes the power away: nothing reaches the disk any more.
func (d *disk) cut(t *testing.T) {
	t.Helper()
	dir, err := os.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	how := uint32(noLogFlush)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), shutdown, uintptr(unsafe.Pointer(&how))); errno != 0 {
		t.Fatalf("cut the power: %v", errno)
	}
}

// restore mounts d again after a cut. Whoever used it must have been killed.
func (d *disk) restore(t *testing.T) {
	t.Helper()
	if err := d.unmount(); err != nil {
		t.Fatal(err)
	}
	if err := command("mount", "-o", "loop", d.image, d.dir); err != nil {
		t.Fatal(err)
	}
	d.up = true
}

// unmount waits for the kernel to bury those that were killed.
func (d *disk) unmount() (err error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); d.up; <-tick.C {
		if err = unix.Unmount(d.dir, 0); err == nil {
			d.up = false // the loop device goes with it
		} else if time.Since(began) > busyLimit {
			return fmt.Errorf("unmount %s: %w", d.dir, err)
		}
	}
	return nil
}

// end kills a process and its children, as a power cut does: at once. Without their
// parent, some of them would wait for each other for ever.
func end(cmd *exec.Cmd) {
	if cmd == nil {
		return
	}
	pid := cmd.Process.Pid
	_ = unix.Kill(pid, unix.SIGSTOP) // it may have ended, as all of them; else it has no more children
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			_ = unix.Kill(n, unix.SIGKILL)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// cuts is how often the power is to be cut.
func cuts(t *testing.T) int {
	t.Helper()
	s := os.Getenv("TIDEWIRE_CUTS")
	if s == "" {
		return 3
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("TIDEWIRE_CUTS: %v", err)
	}
	return n
}

// pause waits for a random time up to most: often a very short one, so that what is cut
// is often still recovering.
func pause(most time.Duration) {
	const least = 10 * time.Millisecond
	<-time.After(time.Duration(float64(least) * math.Pow(float64(most/least), rand.Float64())))
}

// most is what n cuts without a loss say: with 95 % confidence, a cut loses something
// at most so often (the rule of three).
func most(n int) string {
	return fmt.Sprintf("at most %.1f %% of cuts at 95 %%", min(100, 300/float64(n)))
}
