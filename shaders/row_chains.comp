#version 450
// variants: KEYS=text|visual|wanted
// Chains the entries of a control table that have the same key: the rows of text or of pictures by their token, or the wanted entries by
// the row they name. A lane an entry; all lanes look at the same other entry at a time.
#extension GL_GOOGLE_include_directive : require
#include "shaders/row_chains.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { RowChainsParams p; };
#define CONTROL_BINDING 0
#include "shaders/common/control.glsl"
layout(binding = 1) writeonly buffer Chains { uint chains[]; };

#ifdef KEYS_wanted
bool counts(uint entry) { return entry < step_wanted(); }
uint key_of(uint entry) { return wanted_row(entry); }
#else
#ifdef KEYS_visual
const uint KIND = kRowVisual;
#else
const uint KIND = 0u;
#endif
bool counts(uint entry) { return row_in_use(entry) && (row_flags(entry) & kRowVisual) == KIND; }
uint key_of(uint entry) { return row_token(entry); }
#endif

void main() {
  const uint own = gl_GlobalInvocationID.x;
  if (own >= p.count) return;
  const bool inside = counts(own) && key_of(own) < p.rows;
  const uint key = inside ? key_of(own) : 0u;
  uint next = kChainEnd;
  bool first = true;
  for (uint entry = 0u; entry < p.count; ++entry) {
    if (!counts(entry) || key_of(entry) != key) continue;
    if (entry < own) first = false;
    if (entry > own) next = min(next, entry);
  }
  chains[own * kChainWords] = key;
  chains[own * kChainWords + 1u] = inside ? next | (first ? kChainFirst : 0u) : kChainEnd;
}
