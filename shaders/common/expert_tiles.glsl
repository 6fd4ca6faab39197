// Tiles of a work list for kernels that are dispatched for as many tiles as there could be: tile `number` of HEIGHT pairs at
// most, counted over the experts first .. first + count - 1. Include after binding `list`.
#ifndef LORIKEET_COMMON_EXPERT_TILES_GLSL
#define LORIKEET_COMMON_EXPERT_TILES_GLSL
struct ExpertTile {
  uint expert, first, count;  // pairs; none if there is no such tile
};

ExpertTile expert_tile(uint number, uint height, uint starts_at, uint first_expert, uint experts) {
  uint begin = list[starts_at + first_expert];
  for (uint e = first_expert; e < first_expert + experts; ++e) {
    const uint end = list[starts_at + e + 1u], tiles = (end - begin + height - 1u) / height;
    if (number < tiles) return ExpertTile(e, begin + number * height, min(height, end - begin - number * height));
    number -= tiles;
    begin = end;
  }
  return ExpertTile(0u, 0u, 0u);
}
#endif
