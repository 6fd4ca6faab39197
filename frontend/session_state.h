// What a session keeps on the device (caches, control tables, sampler states, plans), and what it knows of each
// conversation on the host.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "frontend/adapters/adapter_memory.h"
#include "frontend/control.h"
#include "frontend/kv_cache.h"
#include "frontend/plan_ladder.h"
#include "frontend/session.h"
#include "frontend/viewer.h"

namespace lorikeet {

// `times` runs of `count` rows each through the plan of `rung` rows: how a part of the cache came to be.
struct Feed {
  int64_t rung = 0, count = 0, times = 0;
};

struct Conversation {
  std::vector<int32_t> tokens;           // all of it
  int64_t cached = 0;                    // of them, in the cache
  std::vector<Feed> feeds;               // add up to `cached`
  uint32_t sampled = 0;                  // tokens sampled in all its answers: the random counter
  std::vector<Pixels> pictures;          // that its tokens have places for
  std::vector<int32_t> asked;            // text that the pictures were routed by; empty: not yet
  std::vector<PictureRouting> routings;  // of the pictures
  std::vector<uint32_t> blocks;          // of the cache
  std::vector<float> logit_bias;
  uint32_t adapters = 0;  // bit i: adapter i of the session
  int64_t observed = 0;   // positions whose routing was handed out

  void note_feed(int64_t rung, int64_t count);
  void truncate(int64_t length);  // forget the cache from this position on
};

// Positions that a round of generation may go on before the host looks at the cache's size again.
inline constexpr uint64_t kReserveSteps = 64;

std::string adapter_name(size_t number);  // in graphs

Status check_sampler(const SamplerSettings& settings);

class SessionState {
 public:
  ~SessionState();  // waits for uploads in flight
  static Status check(Model& model, const SessionOptions& options);
  static Result<std::unique_ptr<SessionState>> create(Model& model, const SessionOptions& options);
  static Result<SessionMemory> memory(Model& model, const SessionOptions& options);

  static int64_t context(const Model& model, const SessionOptions& options);
  int64_t context() const { return context_; }
  PlanLadder& plans() { return *plans_; }
  // Makes room for `positions` of a conversation; may grow the cache. Nothing may be in flight.
  Status reserve(std::vector<Conversation>& conversations, uint32_t slot, int64_t positions);
  void release_blocks(Conversation& conversation);  // those behind `cached`

  // A slot whose last answer was stopped writes no cache: before its rows are read it must be as new.
  Status start_reading(const Conversation& conversation, uint32_t slot);
  Status set_rows(std::span<const shader::Row> rows, std::span<const uint32_t> wanted, int64_t rung);
  Status set_targets(std::span<const int32_t> targets);
  Status start_sampling(const GenerateRequest& request, const Conversation& conversation, uint32_t max_tokens);
  int32_t sampled_token(uint32_t slot, uint32_t number) const;  // the number-th that was sampled in the slot
  Status set_logit_bias(Conversation& conversation, uint32_t slot, std::span<const float> bias);

  // How all routers routed the first rows of the plan's last run; `slot` and `first` are not set.
  struct RoutedRun {
    std::vector<std::byte> bytes;
    std::vector<RoutedRows> routers;  // point into `bytes`
  };
  Result<RoutedRun> routed(const Plan& plan, int64_t rows);

  // Routes the pictures of a conversation by `asked` and puts their tokens where the plans read them.
  Status see(Conversation& conversation, uint32_t slot);
  shader::Row row(const Conversation& conversation, uint32_t slot, int64_t position, uint32_t flags) const;
  Status copy_visual(uint32_t from, uint32_t to);
  Status copy_cache(const Conversation& from, const Conversation& to);
  Result<std::string> save(const Conversation& conversation);
  Status restore(std::vector<Conversation>& conversations, uint32_t slot, std::string_view saved);

 private:
  SessionState(Model& model, const SessionOptions& options);
  SessionSizes sizes(int64_t places) const;
  int64_t visual_rows() const;  // of a slot
  Slice visual(uint32_t slot, int64_t first, int64_t count) const;
  Result<std::vector<Slice>> storage(const GraphTensor& info) const;
  Result<Buffer*> make(std::unique_ptr<Buffer>& place, uint64_t bytes, MemoryUse use, const char* name);
  std::string signature() const;  // of the model and the cache's layout, for save and restore

  Model* model_;
  SessionOptions options_;
  int64_t context_;
  uint32_t blocks_per_slot_;
  ControlTables tables_;
  std::vector<bool> sampling_;               // slots whose table entry belongs to an answer
  std::vector<uint32_t> adapters_in_table_;  // by slot
  std::vector<AdapterMemory> adapters_;
  std::unique_ptr<Uploader> uploader_;
  std::unique_ptr<Buffer> control_, seen_, tokens_, target_, bias_, visual_, routed_;
  std::unique_ptr<Viewer> viewer_;
  std::unique_ptr<KvCache> cache_;
  std::unique_ptr<PlanLadder> plans_;
};

}  // namespace lorikeet
