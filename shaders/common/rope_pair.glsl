// Two neighbouring elements of a head after the rotary embedding. Include after declaring `float source(uint index)` and
// `float frequency(uint i)`.
#ifndef LORIKEET_COMMON_ROPE_PAIR_GLSL
#define LORIKEET_COMMON_ROPE_PAIR_GLSL
#include "shaders/common/rotary.glsl"

struct PairTurn {
  vec2 first, second;  // (cos, sin) of the two elements, times the factor
};

// The turn of elements e and e + 1 of a head, e even.
PairTurn pair_turn(uint position, uint e, RopeParams rope) {
  PairTurn turn;
  if (rope.interleaved != 0u) {
    turn.first = rotation(position, frequency(e / 2u)) * rope.factor;
    turn.second = turn.first;
  } else {
    turn.first = rotation(position, frequency(e % (rope.head_dim / 2u))) * rope.factor;
    turn.second = rotation(position, frequency((e + 1u) % (rope.head_dim / 2u))) * rope.factor;
  }
  if (rope.back != 0u) {
    turn.first.y = -turn.first.y;
    turn.second.y = -turn.second.y;
  }
  return turn;
}

float turned_element(uint base, uint e, uint head_dim, vec2 turn) {
  const uint half_dim = head_dim / 2u;
  const float partner = e < half_dim ? -source(base + e + half_dim) : source(base + e - half_dim);
  return source(base + e) * turn.x + partner * turn.y;
}

vec2 turned_pair(uint base, uint e, uint head_dim, uint interleaved, PairTurn turn) {
  if (interleaved != 0u) {
    const vec2 pair = vec2(source(base + e), source(base + e + 1u));
    return vec2(pair.x * turn.first.x - pair.y * turn.first.y, pair.y * turn.first.x + pair.x * turn.first.y);
  }
  return vec2(turned_element(base, e, head_dim, turn.first), turned_element(base, e + 1u, head_dim, turn.second));
}
#endif
