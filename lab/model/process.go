package model

import "slices"

// process is one instance. What it holds in memory is lost when it is killed, and out
// of date when it comes back from a pause.
type process struct {
	w       *world
	name    int
	away    int // until when it is paused, or not yet started
	readers [parts]*reader
	relayer relayer
	worker  worker
}

func (p *process) start() {
	p.name = p.w.name()
	p.relayer, p.worker = relayer{p: p}, worker{p: p}
	for i := range parts {
		p.readers[i] = &reader{p: p, part: i}
	}
}

// kill loses all that is in memory; the process starts again soon.
func (p *process) kill() {
	p.start()
	p.away = p.w.now + 10
}

func (p *process) steps() []func() bool {
	all := []func() bool{p.relayer.step, p.worker.step}
	for _, r := range p.readers {
		all = append(all, r.step)
	}
	return all
}

// suspects counts the readers that run a counted message.
func (p *process) suspects() (n int) {
	for _, r := range p.readers {
		if r.counted {
			n++
		}
	}
	return n
}

// relayer publishes a journal to a topic of as many partitions.
type relayer struct {
	p     *process
	token int
	batch []*fact
	next  int
}

func (r *relayer) step() bool {
	w := r.p.w
	switch {
	case r.token == 0:
		if w.relay.until > w.now || !slices.ContainsFunc([]int{0, 1}, r.behind) {
			return false
		}
		w.relay.token++
		w.relay.owner, w.relay.until = r.p.name, w.now+lease
		r.token = w.relay.token
	case r.next < len(r.batch): // perhaps long after its lease: nobody can stop that
		r.publish(r.batch[r.next])
	case len(r.batch) > 0: // marking is fenced
		if r.token != w.relay.token {
			*r = relayer{p: r.p}
			return true
		}
		w.relay.until = w.now + lease
		for _, f := range r.batch {
			w.marked[f.part] = f.seq
		}
		r.batch, r.next = nil, 0
	default:
		for part := range parts {
			to := min(len(w.log[part]), w.marked[part]+most)
			r.batch = append(r.batch, w.log[part][w.marked[part]:to]...)
		}
		if len(r.batch) == 0 {
			if r.token == w.relay.token {
				w.relay.until = w.now
			}
			r.token = 0
		}
	}
	return true
}

func (r *relayer) behind(part int) bool { return r.p.w.marked[part] < len(r.p.w.log[part]) }

func (r *relayer) publish(f *fact) {
	w := r.p.w
	fails := w.one(8)
	if !fails || w.one(2) { // it may be there although no confirmation came
		w.topic[f.part] = append(w.topic[f.part], f.seq)
	}
	if !fails || !w.has(Confirm) {
		r.next++
	}
}

// job is the deadline of a key.
type job struct {
	due, lease int
	done       bool
}

// worker claims a deadline that is due, and then ends its key.
type worker struct {
	p          *process
	key, lease int
}

func (k *worker) step() bool {
	w := k.p.w
	if k.lease == 0 {
		k.key = slices.IndexFunc(w.jobs[:], func(j job) bool { return !j.done && j.due <= w.now })
		if k.key < 0 {
			return false
		}
		k.lease = w.name()
		w.jobs[k.key] = job{due: w.now + lease, lease: k.lease}
		return true
	}
	j := &w.jobs[k.key]
	if (!j.done && j.lease == k.lease) || !w.has(Lease) {
		if j.done {
			w.violate("deadline of %d came twice", k.key)
		}
		j.done = true
		w.say(&fact{key: k.key, end: true, fails: w.rng.IntN(8) / 6})
	}
	k.lease = 0
	return true
}
