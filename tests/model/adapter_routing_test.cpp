// What a session hands out of how routers routed, against recorded states of the reference implementation.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "frontend/adapters/adapter.h"
#include "frontend/checkpoint/checkpoint.h"
#include "frontend/session.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded_adapters.h"
#include "tests/support/skip.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

constexpr float kRouting = 2e-5f;  // largest difference of entropies and weights that the records recommend

std::vector<int32_t> ids(const TensorFiles& files, const std::string& tag) {
  const auto all = recorded<int64_t>(files, tag + "input_ids");
  return {all.begin(), all.end()};
}

// All that was handed out of one router for one slot, by position.
struct Seen {
  std::vector<float> weights, entropy;  // (positions, experts), (positions)
  bool in_order = true;                 // every position once, one after the other
};
using Book = std::map<std::pair<uint32_t, uint32_t>, Seen>;  // (slot, router)

OnRouted note_in(Book& book) {
  return [&book](const RoutedRows& rows) {
    Seen& seen = book[{rows.slot, rows.router}];
    seen.in_order = seen.in_order && size_t(rows.first) == seen.entropy.size();
    seen.weights.insert(seen.weights.end(), rows.weights.begin(), rows.weights.end());
    seen.entropy.insert(seen.entropy.end(), rows.entropy.begin(), rows.entropy.end());
  };
}

void compare(const Seen& seen, const TensorFiles& records, const std::string& router, size_t positions) {
  INFO(router);
  const auto weights = recorded<float>(records, router + ".w"), entropy = recorded<float>(records, router + ".H");
  const auto active = recorded<int32_t>(records, router + ".n_active");
  REQUIRE(seen.in_order);
  REQUIRE(seen.entropy.size() == positions);
  REQUIRE(entropy.size() == positions);
  REQUIRE(seen.weights.size() == weights.size());
  const size_t experts = weights.size() / positions;
  float worst_weight = 0, worst_entropy = 0;
  for (size_t row = 0; row < positions; ++row) {
    worst_entropy = std::max(worst_entropy, std::abs(seen.entropy[row] - entropy[row]));
    int32_t count = 0;
    for (size_t e = row * experts; e < (row + 1) * experts; ++e) {
      worst_weight = std::max(worst_weight, std::abs(seen.weights[e] - weights[e]));
      count += seen.weights[e] != 0;
    }
    CHECK(count == active[row]);
  }
  CHECK(worst_weight < kRouting);
  CHECK(worst_entropy < kRouting);
}

}  // namespace

#define OPEN_BASE(name)                                                 \
  auto name = open_recorded_base();                                     \
  if (!name && !test_device()) LK_SKIP(no_device, "observed adapters"); \
  if (!name) LK_SKIP(no_shared_goldens, "the recorded adapters")

TEST_CASE("observed routing is the recorded one for every kind with routers", "[model][adapter]") {
  OPEN_BASE(base);
  for (const char* name : {"dynmole", "loramoe", "mixlora", "mixlora-dynamic", "mola"}) {
    const Adapter adapter = base->adapter(name);
    const TensorFiles records = base->records(name);
    std::vector<std::vector<int32_t>> texts;
    for (const char* tag : {"single0.", "single1.", "single2."}) texts.push_back(ids(records, tag));
    for (const bool fuse : {true, false}) {
      Book book;
      Session session = need(Session::create(
          base->model,
          {.context = 128, .slots = 3, .fuse = fuse, .adapters = {{&adapter}}, .on_routed = note_in(book)}));
      const uint32_t first[] = {0};
      for (uint32_t slot = 0; slot < 3; ++slot) REQUIRE(session.set_adapters(slot, first).ok());
      REQUIRE(session.last_logits(texts, [](uint32_t, std::span<const float>) -> Status { return Done{}; }).ok());
      for (uint32_t slot = 0; slot < 3; ++slot)
        for (uint32_t router = 0; router < adapter.tensors.routers.size(); ++router) {
          const AdapterRouter& r = adapter.tensors.routers[router];
          INFO(name << (fuse ? " fused" : " plain"));
          compare(book[{slot, router}], records,
                  "single" + std::to_string(slot) + ".layers." + std::to_string(r.layer) + "." + r.module,
                  texts[slot].size());
        }
    }
  }
}

TEST_CASE("observing changes no answer and tells every position of the adapter's conversations once",
          "[model][adapter]") {
  OPEN_BASE(base);
  const Adapter dynmole = base->adapter("dynmole"), mola = base->adapter("mola");
  const auto tokens = ids(base->records("none"), "single2.");
  const auto answer = [&](const OnRouted& on_routed) {
    Session session = need(Session::create(
        base->model, {.context = 128, .slots = 3, .adapters = {{&dynmole}, {&mola}}, .on_routed = on_routed}));
    const uint32_t first[] = {0}, second[] = {1};
    REQUIRE(session.set_adapters(0, first).ok());
    REQUIRE(session.set_adapters(1, second).ok());
    std::vector<int32_t> said;
    std::vector<GenerateRequest> requests;
    for (uint32_t slot = 0; slot < 3; ++slot) {
      REQUIRE(session.set_tokens(slot, tokens).ok());
      requests.push_back({.slot = slot, .max_tokens = 4 + slot});
    }
    for (int turn = 0; turn < 2; ++turn)
      REQUIRE(session
                  .generate(requests,
                            [&](uint32_t slot, int32_t token) {
                              said.push_back(int32_t(slot) * 1000 + token);
                              return true;
                            })
                  .ok());
    return said;
  };
  Book book;
  std::map<uint32_t, size_t> rows_of_adapter;
  const auto note = note_in(book);
  auto said = answer([&](const RoutedRows& rows) {
    CHECK(rows.slot == rows.adapter);  // the third conversation has none
    rows_of_adapter[rows.adapter] += rows.router == 0 ? rows.entropy.size() : 0;
    note(rows);
  });
  auto quiet = answer({});
  std::sort(said.begin(), said.end());
  std::sort(quiet.begin(), quiet.end());
  CHECK(said == quiet);
  CHECK(book.size() == dynmole.tensors.routers.size() + mola.tensors.routers.size());
  for (const auto& [key, seen] : book) {
    CHECK(seen.in_order);
    // The last token of an answer was followed by none.
    CHECK(seen.entropy.size() == tokens.size() + 2 * (4 + key.first) - 1);
  }
  CHECK(rows_of_adapter.size() == 2);
}

TEST_CASE("another adapter or another text is observed anew", "[model][adapter]") {
  OPEN_BASE(base);
  const Adapter dynmole = base->adapter("dynmole");
  const auto tokens = ids(base->records("none"), "single1.");
  size_t rows = 0;
  Session session = need(Session::create(
      base->model, {.context = 64, .adapters = {{&dynmole}}, .on_routed = [&](const RoutedRows& routed) {
                      rows += routed.router == 0 ? routed.entropy.size() : 0;
                    }}));
  const uint32_t first[] = {0};
  const auto read = [&](std::span<const int32_t> text) {
    rows = 0;
    REQUIRE(session.set_tokens(0, text).ok());
    return rows;
  };
  CHECK(read(tokens) == 0);
  REQUIRE(session.set_adapters(0, first).ok());
  CHECK(read(tokens) == tokens.size() - 1);
  CHECK(read(tokens) == 0);
  auto other = tokens;
  other[2] = other[2] == 5 ? 6 : 5;
  CHECK(read(other) == tokens.size() - 3);
  session.clear(0);
  CHECK(read(tokens) == tokens.size() - 1);
}
