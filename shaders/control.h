// The control tables: what differs between two runs of a plan. One storage buffer of 32-bit words: Step, then the
// tables at the word offsets that Step names. Written by the host through the upload ring, advanced by `sample`.
#ifndef LORIKEET_SHADERS_CONTROL_H
#define LORIKEET_SHADERS_CONTROL_H
#include "shaders/types.h"
LK_PARAMS_BEGIN

const uint kNoSlot = 0xffffffffu;      // Row.slot of a padding row
const uint kKvBlockPositions = 32u;    // positions of one block of the KV cache

// What all rows share.
struct Step {
  uint rows;        // rows in use; later ones are padding
  uint wanted;      // entries in use of the wanted list
  uint slots;       // slots in use
  uint rows_at;     // word offset of Row[]
  uint wanted_at;   // word offset of the rows that want logits: row numbers
  uint slots_at;    // word offset of Slot[]
  uint blocks_at;   // word offset of the cache table: block number of (slot, position / kKvBlockPositions)
  uint blocks_per_slot;
};

// One position of one conversation.
struct Row {
  uint slot;      // kNoSlot: padding
  uint position;  // in the conversation, from 0
  uint token;     // id that is embedded
  uint flags;     // bit 0: follows its slot: after sampling, the slot's new token and position
                  // bit 1: visual: `token` is a row of the visual embeddings
};
const uint kRowFollows = 1u;
const uint kRowVisual = 2u;

// What one conversation owns. Floats are bits.
struct Slot {
  uint generated;       // tokens sampled so far: also the random counter
  uint stopped;         // 0: going on; 1: eos; 2: length
  uint maximum;         // tokens to sample at most
  uint greedy;          // 1: argmax
  uint temperature;     // float
  uint top_k;           // 0: off
  uint top_p;           // float; 1: off
  uint min_p;           // float; 0: off
  uint repeat_penalty;  // float; 1: off
  uint seed_low;
  uint seed_high;
  uint stop_count;      // of stop_ids
  uint history;         // tokens in the slot's seen-set are penalised: word offset of its bit set in `seen`
  uint flags;           // bit 0: logit bias of the slot is added
  uint adapters;        // bit i: adapter i of the session
  uint reserved1;
  uint stop_ids[16];    // tokens that end the answer (sampled, reported, not continued)
};
const uint kSlotBias = 1u;
const uint kSlotAdapters = 14u;  // word of Slot.adapters
const uint kStoppedEos = 1u;
const uint kStoppedLength = 2u;

const uint kStepWords = 8u;
const uint kRowWords = 4u;
const uint kSlotWords = 32u;
LK_PARAMS_END
#endif
