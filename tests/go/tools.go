//go:build tools

// Package tools names the programs that the tests use; scripts/get-dependencies builds them, go.sum pins them.
package tools

import (
	_ "github.com/fullstorydev/grpcurl/cmd/grpcurl"
	_ "github.com/summerwind/h2spec/cmd/h2spec"
)
