package main

import (
	"context"
	"fmt"

	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// jwtSource fetches a token and has it judged three times: by go-spiffe with the source's bundle,
// by the agent, and by go-spiffe for another audience, which must fail.
func jwtSource(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: jwt-source AUDIENCE")
	}
	audience := args[0]
	source, err := workloadapi.NewJWTSource(ctx)
	if err != nil {
		return fmt.Errorf("making the source: %w", err)
	}
	defer source.Close()
	svid, err := source.FetchJWTSVID(ctx, jwtsvid.Params{Audience: audience})
	if err != nil {
		return fmt.Errorf("fetching: %w", err)
	}
	token := svid.Marshal()
	parsed, err := jwtsvid.ParseAndValidate(token, source, []string{audience})
	if err != nil {
		return fmt.Errorf("validating with the source's bundle: %w", err)
	}
	judged, err := workloadapi.ValidateJWTSVID(ctx, token, audience)
	if err != nil {
		return fmt.Errorf("validating at the agent: %w", err)
	}
	_, other := jwtsvid.ParseAndValidate(token, source, []string{audience + "-other"})
	_, otherAtAgent := workloadapi.ValidateJWTSVID(ctx, token, audience+"-other")
	return show(map[string]any{
		"id":                      parsed.ID.String(),
		"id_at_agent":             judged.ID.String(),
		"audience":                parsed.Audience,
		"other_audience":          other == nil,
		"other_audience_at_agent": otherAtAgent == nil,
	})
}
