// PlanLadder: the plans of a session, one for each number of rows and kind of head, made when they are first needed.
// All share one scratch arena, which is as large as the largest of them.
#pragma once

#include <map>
#include <memory>
#include <tuple>

#include "frontend/decoder.h"
#include "frontend/model.h"
#include "runtime/plan/plan.h"

namespace lorikeet {

// Row counts that plans are made for.
inline constexpr int64_t kRungs[] = {1, 2, 4, 8, 32, 128, 512};
inline constexpr int64_t kMaxRows = 512;
// The smallest rung that holds `rows`.
int64_t rung_for(int64_t rows);
// The rung to read the next piece of `left` rows with: the largest that is filled, or the next one if mostly filled.
int64_t rung_to_read(int64_t left);

struct LadderOptions {
  bool fuse = true, reproducible = false, timestamps = false;
  Progress progress;
  std::vector<AdapterInGraph> adapters = {};
  uint32_t active = 0;       // see SessionOptions
  bool keep_routes = false;  // see DecoderShape
};

class PlanLadder {
 public:
  PlanLadder(Model& model, SessionSizes sizes, StorageOf storage, LadderOptions options);

  // Rows that want logits: all of them, but none under Head::none.
  Result<Plan*> get(int64_t rows, Head head);
  // Scratch that the plan of this shape needs.
  Result<uint64_t> scratch_bytes(int64_t rows, Head head);
  // Forgets all plans; the device must be idle.
  void clear();
  void resize(const SessionSizes& sizes);  // and clear

 private:
  Result<Draft> make_draft(const Graph& graph);
  Graph make_graph(int64_t rows, Head head) const;

  Model* model_;
  SessionSizes sizes_;
  StorageOf storage_;
  LadderOptions options_;
  std::unique_ptr<Buffer> scratch_;
  std::map<std::pair<int64_t, Head>, std::unique_ptr<Plan>> plans_;
};

}  // namespace lorikeet
