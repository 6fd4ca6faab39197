// A work list: which rows each expert gets, as data for indirect dispatches. 32-bit words, in this order (the offsets
// of the later parts are given by runtime/ops/work_list.h):
//   entries  one for each consumer (grouped product), height class and window of experts, kEntryWords each
//   rows     row of x of each pair (expert, row), by expert and then by row
//   tiles    for each height class in order of experts: expert, first pair, pairs
//   places   (rows of x, experts): the pair, where the expert is chosen
//   starts   (experts + 1): the first pair of each expert, and the end
#ifndef LORIKEET_SHADERS_WORK_LIST_H
#define LORIKEET_SHADERS_WORK_LIST_H
#include "shaders/types.h"
LK_PARAMS_BEGIN

const uint kEntryWords = 8u;   // words 0 to 2 are the grid of an indirect dispatch
const uint kEntryFirst = 3u;   // word at which the window's tiles begin
const uint kEntryTiles = 4u;   // how many
const uint kEntryExpert = 5u;  // first expert of the window
const uint kTileWords = 3u;
const uint kMaxClasses = 6u;
const uint kMaxConsumers = 4u;
const uint kMaxExperts = 1024u;

struct WorkListParams {
  uint experts;
  uint rows;   // of x
  uint share;  // rows of x that share a row of the routing weights
  uint classes;
  uint consumers;
  uint rows_at;  // word offsets
  uint places_at;
  uint starts_at;
  uint heights;  // 5 bits a class, ascending; the last one is what a full tile holds
  uint tiles_at[kMaxClasses];
  uint window_experts[kMaxConsumers];
  uint widths[kMaxConsumers * 3u];  // workgroups along the outputs: 16 bits a class
};
LK_PARAMS_END
#endif
