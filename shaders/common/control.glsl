// Reading the control tables (shaders/control.h). Include after declaring CONTROL_BINDING, or bind them yourself.
#ifndef LORIKEET_COMMON_CONTROL_GLSL
#define LORIKEET_COMMON_CONTROL_GLSL
#include "shaders/control.h"

#ifndef CONTROL_ACCESS
#define CONTROL_ACCESS readonly
#endif
layout(binding = CONTROL_BINDING) CONTROL_ACCESS buffer Control { uint control[]; };

uint step_rows() { return control[0]; }
uint step_wanted() { return control[1]; }
uint row_word(uint row, uint word) { return control[control[3] + row * kRowWords + word]; }
uint row_slot(uint row) { return row_word(row, 0); }
uint row_position(uint row) { return row_word(row, 1); }
uint row_token(uint row) { return row_word(row, 2); }
uint row_flags(uint row) { return row_word(row, 3); }
bool row_in_use(uint row) { return row < step_rows() && row_slot(row) != kNoSlot; }
uint wanted_row(uint i) { return control[control[4] + i]; }
uint slot_at(uint slot) { return control[5] + slot * kSlotWords; }
uint slot_adapters(uint slot) { return control[slot_at(slot) + kSlotAdapters]; }
bool slot_stopped(uint slot) { return control[slot_at(slot) + 1u] != 0u; }

// Place of a position of a conversation in the KV cache: a row number of the cache tensors.
uint cache_place(uint slot, uint position) {
  const uint block = control[control[6] + slot * control[7] + position / kKvBlockPositions];
  return block * kKvBlockPositions + position % kKvBlockPositions;
}
#endif
