// What an adapter needs to know of the model it is put on: its linear layers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/config.h"
#include "frontend/families/family.h"

namespace lorikeet {

// W (out, in) of a decoder's layer.
struct BaseLinear {
  uint32_t layer = 0;
  WeightRole role = WeightRole::q;
  std::string module;  // "self_attn.q_proj", as Hugging Face names it within the layer
  uint32_t in = 0, out = 0;

  std::string projection() const { return module.substr(module.rfind('.') + 1); }  // "q_proj"
  bool in_ffn() const { return role == WeightRole::gate || role == WeightRole::up || role == WeightRole::down; }
};

struct AdapterBase {
  std::string name;    // as the user gave it: a path or a name; empty if unknown
  std::string sha256;  // see checkpoint_hash; empty if unknown
  uint32_t layers = 0;
  uint32_t hidden = 0;              // what the feed-forward network reads
  std::vector<BaseLinear> linears;  // layer by layer; in each q, k, v, o, gate, down, up, as published
};

// The seven linear layers of every layer of the decoder; the four of attention where its networks are factored.
AdapterBase adapter_base(const DecoderConfig& config);
// The same with its hash and its name: a directory has one, a GGUF file's name tells no base.
AdapterBase adapter_base(const Checkpoint& files, const DecoderConfig& config);

}  // namespace lorikeet
