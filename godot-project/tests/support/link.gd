extends RefCounted
## A connected pair: `client` has connected, and `endpoint.server` has accepted `served`.

const Endpoint := preload("res://tests/support/endpoint.gd")

var endpoint: Endpoint
var client: StreamPeer
var served: StreamPeer
