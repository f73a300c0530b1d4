extends RefCounted
## A connected pair: `client` has connected, `served` came out of `endpoint.server`.

const Endpoint := preload("res://tests/support/endpoint.gd")

var endpoint: Endpoint
var client: StreamPeer
var served: StreamPeer
