// Which rows of x a workgroup of a product kernel takes: neighbouring ones, or, GROUPED, those of a tile of a work list
// (shaders/work_list.h): pairs of one expert and a row. Outputs of a grouped product have one row a pair. Include after
// product.glsl.
#ifndef LORIKEET_COMMON_TILES_GLSL
#define LORIKEET_COMMON_TILES_GLSL
#include "shaders/work_list.h"
layout(constant_id = 11) const bool GROUPED = false;
layout(constant_id = 12) const bool GATHER = false;  // x has the rows that the pairs name, otherwise one row a pair
layout(binding = 5) readonly restrict buffer List { uint list[]; };

struct Tile {
  uint first, count;  // rows of y
};

uint group_of_tokens() { return gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y; }

Tile plain_tile(uint height) {
  const uint first = min(group_of_tokens() * height, p.tokens);
  return Tile(first, min(height, p.tokens - first));
}

// The tile of this workgroup; of no rows if there is none. Makes `expert_row` the first weight row of the tile's expert.
Tile listed_tile() {
  const uint number = group_of_tokens();
  if (number >= list[p.list_at + kEntryTiles]) return Tile(0u, 0u);
  const uint at = list[p.list_at + kEntryFirst] + number * kTileWords;
  expert_row = (list[at] - list[p.list_at + kEntryExpert]) * p.expert_rows;
  return Tile(list[at + 1u], list[at + 2u]);
}

uint x_row_of(uint pair) { return GATHER ? list[p.rows_at + pair] : pair; }
#endif
