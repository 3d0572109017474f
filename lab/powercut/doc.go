// Package powercut takes the power away from a disk under a working store, and from a
// whole platform under load, again and again, and looks at what is there afterwards.
//
// A killed process proves nothing about durability: what it wrote stays in the page
// cache of a kernel that lives on. Here the file system is cut off from its disk (ext4's
// shutdown without flushing its log), the process is killed, and the disk is mounted
// again: what was not fsynced is gone. What was acknowledged before the cut was issued
// must be there, whole. An acknowledgement that arrives later says nothing, because an
// fsync that races the cut may return success.
//
// The tests need root and loop devices, and skip without them. TIDEWIRE_CUTS is how
// often each is cut (3); README.md has the figures of long runs.
package powercut
