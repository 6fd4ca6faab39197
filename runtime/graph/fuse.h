// Fusion: rewrites short patterns of plain ops into fused ones. Pure data; switched off, it is the oracle for itself.
#pragma once

#include "runtime/base/device_profile.h"
#include "runtime/graph/graph.h"

namespace lorikeet {

//  q, k, v products of one input + rope + kv_write    -> one product + rope_kv
//  silu_mul(gate product, up product) of one input    -> one gated product
//  add(x, product)                                    -> product with a residual
//  rms_norm read by one product of few rows           -> product with a norm prologue
//  rms_norm, router, route, sort_rows of one row      -> route_row
// Results that are kept, or read elsewhere, stay.
void fuse(Graph& graph, const DeviceProfile& profile);

}  // namespace lorikeet
