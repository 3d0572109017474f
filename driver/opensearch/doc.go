// Package opensearch keeps an index of toolkit/search on OpenSearch or Elasticsearch.
//
// It speaks plain HTTP with JSON: a handful of requests is all there is. The client library
// would add 1.2 MB to the binary, and types for some hundred requests that nobody makes.
//
// An index has an alias, by which everybody knows it; each that is made anew has a name of its
// own and takes the alias over, in one step with the end of the one before. It has one shard, so that
// an answer is of one moment. Documents have external versions, so that a late one loses;
// marks are documents beside them, changed only by who has seen the last change.
package opensearch
