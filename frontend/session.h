// Session: conversations on one model: their caches and positions, and the plans that advance them. Belongs to one
// thread at a time; only cancel() may be called from elsewhere. The model must outlive it.
//
// A lost device is not the end: the session keeps the token ids, opens the device again through the model, feeds the
// same tokens through the same plans and goes on, so that the answer is the one that would have been.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "frontend/adapters/adapter.h"
#include "frontend/model.h"
#include "frontend/picture_tokens.h"
#include "runtime/base/result.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

// An adapter of a session; `scale` multiplies all that it adds.
struct AdapterUse {
  const Adapter* adapter = nullptr;
  double scale = 1;
};

// What a router of an adapter, or of a layer of a factored model, did with positions of a conversation that follow each
// other.
struct RoutedRows {
  static constexpr uint32_t kModel = UINT32_MAX;  // as `adapter`: the model's own routers

  uint32_t slot = 0;
  int64_t first = 0;     // position of the first row
  uint32_t adapter = 0;  // number in SessionOptions::adapters
  uint32_t router = 0;   // number in the adapter's AdapterTensors::routers; of the model's own the layer
  size_t rows = 0;
  std::span<const float> weights;  // (rows, experts); 0: not chosen
  std::span<const float> entropy;  // (rows), see observed_policy; of an adapter's
  std::span<const float> scores;   // (rows, experts); of the model's own
};
using OnRouted = std::function<void(const RoutedRows&)>;

struct SessionOptions {
  int64_t context = 0;        // positions a conversation may have; 0: 4096, or the model's if smaller
  DType kv = DType::f32;      // or f16: half the memory, slightly different logits
  uint32_t slots = 1;         // conversations
  bool fuse = true;           // false: plain ops, slower, for comparison
  bool reproducible = false;  // one order of additions whatever the number of rows
  bool logit_bias = false;    // set_logit_bias may be used
  bool timestamps = false;    // plans time each dispatch, see Plan::timings
  // Of factored models: experts of each layer that a row goes through, 1 to all (the dense model); 0: as the files say.
  uint32_t active = 0;
  // Of models that see.
  RoutingPolicy routing;  // of a picture's tokens to the visual experts; published: all of them
  MultiImage multi_image = MultiImage::refuse;
  uint32_t pictures = 1;  // with tokens of their own in a conversation, for MultiImage::each
  // At most 32; conversations use those that set_adapters names. They must outlive the session.
  std::vector<AdapterUse> adapters;
  // Gets every position that goes through a router, read or generated, once; answers come slower then.
  OnRouted on_routed;
  Progress progress;  // of kernel compilation
};

// Greedy unless told otherwise. Stages in Hugging Face's order: penalty, temperature, top-k, top-p, min-p.
struct SamplerSettings {
  bool greedy = true;
  float temperature = 1;     // > 0
  uint32_t top_k = 0;        // 0: off
  float top_p = 1;           // (0, 1]; 1: off
  float min_p = 0;           // [0, 1); 0: off
  float repeat_penalty = 1;  // > 0; 1: off; covers the prompt and the answer
  uint64_t seed = 0;
};

struct GenerateRequest {
  uint32_t slot = 0;
  SamplerSettings sampler;
  uint32_t max_tokens = 0;        // 0: as many as the context allows
  std::vector<int32_t> stop_ids;  // end the answer; the stopping token is delivered as well
};

enum class StopReason { eos, stop, length, cancelled };

// How a conversation might go on from one of its positions.
struct Continuation {
  uint32_t slot = 0;
  int64_t from = 0;             // positions of Session::tokens(slot) that stay, at least 1
  std::vector<int32_t> tokens;  // what comes behind them
};

struct SessionMemory {
  uint64_t cache_bytes = 0;    // KV cache at full context
  uint64_t scratch_bytes = 0;  // largest plan
  uint64_t table_bytes = 0;    // control, sampler states, visual tokens
  uint64_t picture_bytes = 0;  // scratch for seeing a picture
  uint64_t adapter_bytes = 0;
};

// Totals over the life of the session.
struct SessionCounts {
  uint64_t tokens_read = 0, tokens_generated = 0;
  double read_ms = 0, generate_ms = 0;
};

class Plan;
struct PictureRouting;  // frontend/viewer.h

class Session {
 public:
  static Result<Session> create(Model& model, const SessionOptions& options);
  // What create would allocate.
  static Result<SessionMemory> memory(Model& model, const SessionOptions& options);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // Positions that a conversation of such a session has.
  static int64_t context(const Model& model, const SessionOptions& options);
  int64_t context() const;
  uint32_t slots() const;
  const std::vector<int32_t>& tokens(uint32_t slot) const;  // everything said so far, the answers included

  // The pictures that the conversation of the slot is about: the next tokens have kPictureToken in the place of each.
  // Pixels (channels, side, side) as pixel_values makes them. Errors: invalid_argument.
  Status set_pictures(uint32_t slot, std::vector<Pixels> pictures);
  // The adapters of the conversation in the slot, by their numbers in the options; at first none. What was read without
  // them is read again. Plain LoRAs add up; of adapters with routers a conversation has one. Errors: invalid_argument.
  Status set_adapters(uint32_t slot, std::span<const uint32_t> adapters);

  // How they were routed by the tokens that were set last.
  const std::vector<PictureRouting>& routings(uint32_t slot) const;

  // Positions that such tokens take, the pictures in their places included.
  Result<int64_t> positions(uint32_t slot, std::span<const int32_t> tokens) const;

  // Makes `tokens` the conversation of the slot. What it shares with the present one at the front is kept as it is, the
  // rest is read (all but the last token, which the next answer begins with). Errors: invalid_argument when the context
  // is too short or an id is outside the vocabulary; cancelled.
  Status set_tokens(uint32_t slot, std::span<const int32_t> tokens);
  // The same with pictures that are routed by another text than the tokens' own.
  Status set_tokens(uint32_t slot, std::span<const int32_t> tokens, std::span<const int32_t> asked);
  // Answers of one or several conversations at once. `on_token` gets every token as it comes and returns false to end
  // that answer. One reason a request comes back, in order.
  using OnToken = std::function<bool(uint32_t slot, int32_t token)>;
  Result<std::vector<StopReason>> generate(std::span<const GenerateRequest> requests, const OnToken& on_token);

  // Logits of every position of `tokens` as a new conversation in the slot: `on_rows(first position, values)` gets
  // (rows, vocabulary) f32 in order.
  using OnRows = std::function<Status(int64_t first, std::span<const float> values)>;
  Status logits(uint32_t slot, std::span<const int32_t> tokens, const OnRows& on_rows);
  // Logits after the last token of each of several texts, which become the conversations of the slots 0, 1, ...: they
  // are read together, so that rows of several texts share a plan. `on_text(text, values)` gets (vocabulary) f32, in
  // order.
  using OnText = std::function<Status(uint32_t text, std::span<const float> values)>;
  Status last_logits(std::span<const std::vector<int32_t>> texts, const OnText& on_text);
  // Logits after the last token of each of several conversations that were set and go on in this way, at most one a
  // slot. Pictures stay routed as they are; what a conversation shares with what was read before is not read again.
  Status next_logits(std::span<const Continuation> texts, const OnText& on_text);
  // Natural-log probability of tokens[i + 1] after tokens[0..i], for every i < n - 1, as a new conversation in the
  // slot.
  Result<std::vector<float>> log_probs(uint32_t slot, std::span<const int32_t> tokens);
  // The same with pictures that are routed by another text than the tokens' own.
  Result<std::vector<float>> log_probs(uint32_t slot, std::span<const int32_t> tokens, std::span<const int32_t> asked);

  void clear(uint32_t slot);
  Status fork(uint32_t from, uint32_t to);  // `to` becomes a copy of `from`
  Result<std::string> save(
      uint32_t slot);  // tokens and cache, for restore into a session of the same model and options
  Status restore(uint32_t slot, std::string_view saved);
  Status set_logit_bias(uint32_t slot, std::span<const float> bias);  // (vocabulary); -inf forbids a token; empty: none

  void cancel();  // ends the call in progress with `cancelled` at the next host point; safe from any thread and handler
  uint64_t cancels() const;  // how often that was wished: for what is made of several calls
  SessionCounts counts() const;
  // The plan that advances one conversation by one token, for reports.
  Result<const Plan*> decode_plan();
  Result<const Plan*> read_plan(int64_t rows);

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
