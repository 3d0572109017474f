package opensearch

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tidewire/tidewire/toolkit/search"
	"github.com/tidewire/tidewire/toolkit/store"
)

// shape is the version of what is stored: an index of another one is made anew.
const shape = 1

// An Index is the search.Index of a name on a server.
type Index struct {
	server *Server
	alias  string
}

var _ search.Index = (*Index)(nil)

// NewIndex returns the index of a name, made of small letters.
func NewIndex(s *Server, name string) *Index {
	return &Index{server: s, alias: s.prefix + "-" + name}
}

// object is one of JSON.
type object = map[string]any

// Reset makes an empty index and has it take over the alias of the one before, which ends.
func (x *Index) Reset(ctx context.Context) error {
	name := fmt.Sprintf("%s-%d-%d", x.alias, shape, time.Now().UnixNano())
	_, err := x.server.do(ctx, request{method: http.MethodPut, path: "/" + name, body: object{
		"settings": object{"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "-1"},
		"mappings": object{"dynamic": "strict", "properties": object{
			"id":    object{"type": "keyword"},
			"place": object{"type": "long"}, "version": object{"type": "long", "index": false},
			// What a word is, who fills it has decided.
			"words": object{"type": "text", "analyzer": "whitespace", "norms": false, "index_options": "docs", "index_prefixes": object{"min_chars": 1, "max_chars": 8}},
			"group": object{"type": "keyword"},
			"mark":  object{"type": "object", "enabled": false},
		}},
	}}, nil)
	if err != nil {
		return err
	}
	before, err := x.made(ctx)
	if err != nil {
		return err
	}
	actions := []object{{"add": object{"index": name, "alias": x.alias}}}
	for _, old := range before {
		actions = append(actions, object{"remove_index": object{"index": old}})
	}
	_, err = x.server.do(ctx, request{method: http.MethodPost, path: "/_aliases", body: object{"actions": actions}}, nil)
	return err
}

// Drop deletes what there is.
func (x *Index) Drop(ctx context.Context) error {
	names, err := x.made(ctx)
	for _, name := range names {
		if _, err := x.server.do(ctx, request{method: http.MethodDelete, path: "/" + name}, nil); err != nil {
			return err
		}
	}
	return err
}

// made returns the indices that have the alias.
func (x *Index) made(ctx context.Context) (names []string, err error) {
	var answer object
	if _, err := x.server.do(ctx, request{method: http.MethodGet, path: "/_alias/" + x.alias, passes: []int{http.StatusNotFound}}, &answer); err != nil {
		return nil, err
	}
	for name := range answer {
		names = append(names, name)
	}
	return names, nil
}

// A stored is a document or a mark.
type stored struct {
	search.Document
	Mark *search.Mark `json:"mark,omitempty"`
}

// A hit is what the server has of one.
type hit struct {
	Found  bool   `json:"found"`
	SeqNo  int64  `json:"_seq_no"`
	Term   int64  `json:"_primary_term"`
	Source stored `json:"_source"`
}

// markID names the mark of a partition: no document has a colon in its name.
func markID(partition int) string { return ":mark-" + strconv.Itoa(partition) }

// marks reads marks as they are now, found or not, by partition. There is no index, or one of
// another shape, if it says so: then one is made, which has none.
func (x *Index) marks(ctx context.Context, partitions []int) (map[int]hit, error) {
	names, err := x.made(ctx)
	if err != nil {
		return nil, err
	}
	begins := fmt.Sprintf("%s-%d-", x.alias, shape)
	if len(names) != 1 || len(names[0]) < len(begins) || names[0][:len(begins)] != begins {
		if err := x.Reset(ctx); err != nil {
			return nil, err
		}
	}
	ids := make([]string, len(partitions))
	for i, p := range partitions {
		ids[i] = markID(p)
	}
	var answer struct {
		Docs []hit `json:"docs"`
	}
	if _, err := x.server.do(ctx, request{method: http.MethodPost, path: "/" + x.alias + "/_mget", body: object{"ids": ids}}, &answer); err != nil {
		return nil, err
	}
	all := map[int]hit{}
	for i, p := range partitions {
		if i < len(answer.Docs) {
			all[p] = answer.Docs[i]
		}
	}
	return all, nil
}

// Marks returns those that there are.
func (x *Index) Marks(ctx context.Context) (marks []search.Mark, err error) {
	all := make([]int, store.Partitions)
	for p := range all {
		all[p] = p
	}
	found, err := x.marks(ctx, all)
	for _, h := range found {
		if h.Found && h.Source.Mark != nil {
			marks = append(marks, *h.Source.Mark)
		}
	}
	return marks, err
}

// Put stores documents, and once all are stored the marks, each if nobody else has moved it
// since it was looked at. The refresh that shows the marks shows the documents.
func (x *Index) Put(ctx context.Context, all []search.Document, marks []search.Mark, from map[int]int64) error {
	var partitions []int
	for _, m := range marks {
		partitions = append(partitions, m.Partition)
	}
	now, err := x.marks(ctx, partitions)
	if err != nil {
		return err
	}
	var lines []any
	for _, m := range marks {
		was, at := now[m.Partition], int64(0)
		if was.Found && was.Source.Mark != nil {
			at = was.Source.Mark.Seq
		}
		if at != from[m.Partition] {
			return fmt.Errorf("partition %d is at %d, and not at %d: %w", m.Partition, at, from[m.Partition], search.ErrMoved)
		}
		op := object{"index": object{"_id": markID(m.Partition), "if_seq_no": was.SeqNo, "if_primary_term": was.Term}}
		if !was.Found {
			op = object{"create": object{"_id": markID(m.Partition)}}
		}
		// Their places are before all others, so that they come first in an answer.
		lines = append(lines, op, object{"place": m.Partition - store.Partitions, "mark": m})
	}
	if err := x.bulk(ctx, documents(all), "false", true); err != nil {
		return err
	}
	return x.bulk(ctx, lines, "true", false)
}

// documents are the lines of a bulk that stores all. A version that is there already is
// stored again, for it may be of a transaction that has been undone since.
func documents(all []search.Document) (lines []any) {
	for _, d := range all {
		lines = append(lines, object{"index": object{"_id": d.ID, "version": d.Version, "version_type": "external_gte"}}, d)
	}
	return lines
}

// bulk sends lines, and fails if one of them was not done. One that is late need not be.
func (x *Index) bulk(ctx context.Context, lines []any, refresh string, lateIsFine bool) error {
	if len(lines) == 0 {
		return nil
	}
	var answer struct {
		Items []map[string]struct {
			ID     string `json:"_id"`
			Status int    `json:"status"`
			Error  any    `json:"error"`
		} `json:"items"`
	}
	path := "/" + x.alias + "/_bulk?require_alias=true&refresh=" + refresh
	if _, err := x.server.do(ctx, request{method: http.MethodPost, path: path, lines: lines}, &answer); err != nil {
		return err
	}
	for _, item := range answer.Items {
		for _, done := range item {
			switch {
			case done.Status < 300, done.Status == http.StatusConflict && lateIsFine:
			case done.Status == http.StatusConflict:
				return fmt.Errorf("%s: %w", done.ID, search.ErrMoved)
			default:
				return fmt.Errorf("the search engine at %s does not store %s: %d %v", x.server.where, done.ID, done.Status, done.Error)
			}
		}
	}
	return nil
}

// Find asks for marks and documents at once: one answer of one shard is of one moment.
func (x *Index) Find(ctx context.Context, q search.Question) (a search.Answer, err error) {
	wanted := []object{{"range": object{"place": object{"gt": max(0, q.After)}}}}
	for _, w := range q.Words {
		wanted = append(wanted, object{"prefix": object{"words": object{"value": w}}})
	}
	if q.Group != "" {
		wanted = append(wanted, object{"term": object{"group": q.Group}})
	}
	var answer struct {
		Hits struct {
			Hits []hit `json:"hits"`
		} `json:"hits"`
	}
	_, err = x.server.do(ctx, request{method: http.MethodPost, path: "/" + x.alias + "/_search?request_cache=false&allow_partial_search_results=false", body: object{
		"query": object{"bool": object{"filter": object{"bool": object{"minimum_should_match": 1, "should": []object{
			{"range": object{"place": object{"lt": 0}}}, {"bool": object{"filter": wanted}}}}}}},
		"sort": []object{{"place": "asc"}}, "size": q.Limit + store.Partitions, "track_total_hits": false, "_source": []string{"place", "mark"},
	}}, &answer)
	if err != nil {
		return a, err
	}
	for _, h := range answer.Hits.Hits {
		if h.Source.Mark != nil {
			a.Marks = append(a.Marks, *h.Source.Mark)
		} else {
			a.Places = append(a.Places, h.Source.Place)
		}
	}
	slices.SortFunc(a.Marks, func(a, b search.Mark) int { return a.Partition - b.Partition })
	a.Places = a.Places[:min(len(a.Places), q.Limit)]
	return a, nil
}
