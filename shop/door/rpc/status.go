package rpc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// domain is that of the causes in ErrorInfo.
const domain = "tidewire"

// causePrefix is what all types of problems begin with.
const causePrefix = "urn:tidewire:problem:"

// code is what a problem is called in gRPC: the one table beside that of door.Explain.
func code(p *door.Problem) codes.Code {
	switch strings.TrimPrefix(p.Type, causePrefix) {
	case "id-taken":
		return codes.AlreadyExists
	case "changed-meanwhile":
		return codes.Aborted
	case "took-too-long":
		return codes.DeadlineExceeded
	}
	switch p.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden, http.StatusMisdirectedRequest:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return codes.FailedPrecondition
	case http.StatusMethodNotAllowed:
		return codes.Unimplemented
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return codes.DeadlineExceeded
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.Internal
}

// statusOf is a problem in the words of gRPC: its cause as an ErrorInfo, its fields as a
// BadRequest, when it may be tried again as a RetryInfo.
func statusOf(p *door.Problem) *status.Status {
	s := status.New(code(p), p.Error())
	info := &errdetails.ErrorInfo{Domain: domain, Reason: strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(p.Type, causePrefix), "-", "_")),
		Metadata: map[string]string{"type": p.Type, "status": strconv.Itoa(p.Status)}}
	if p.Reason != "" {
		info.Metadata["reason"] = p.Reason
	}
	details := []protoadapt.MessageV1{info}
	if len(p.Errors) > 0 {
		bad := &errdetails.BadRequest{}
		for _, f := range p.Errors {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: f.Field, Description: f.Detail})
		}
		details = append(details, bad)
	}
	if after, err := strconv.Atoi(p.Header.Get("Retry-After")); err == nil {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Duration(after) * time.Second)})
	}
	if told, err := s.WithDetails(details...); err == nil {
		return told
	}
	return s
}

// explained makes what a call returned a status. What has one already is left alone.
func explained(ctx context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	if s, ok := status.FromError(err); ok && !errors.Is(err, door.ErrAway) {
		return s.Err()
	}
	p := door.Explain(ctx, err)
	if p.Status == http.StatusInternalServerError {
		slog.ErrorContext(ctx, "call failed", "method", method, "error", err)
	}
	return statusOf(p).Err()
}
