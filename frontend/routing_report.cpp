#include "frontend/routing_report.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "runtime/base/text.h"
#include "runtime/graph/graph.h"
#include "runtime/ops/ops.h"

namespace lorikeet {
namespace {

constexpr size_t kTokensShown = 8;
constexpr int kBarWidth = 40;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

// The numbers of the largest values, largest first.
std::vector<size_t> largest(const std::vector<float>& values, size_t count) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] > values[b]; });
  order.resize(std::min(count, order.size()));
  return order;
}

std::string visible(const std::string& token) {
  std::string text;
  for (char c : token) text += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
  return text;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : visible(text)) {
    if (c == '<') out += "&lt;";
    else if (c == '&') out += "&amp;";
    else if (uint8_t(c) >= 0x20) out += c;
  }
  return out;
}

std::string bar(float value) {
  std::string text;
  for (int i = 0; i < int(value * kBarWidth + 0.5f); ++i) text += "█";
  return text;
}

Result<double> number(std::string_view text, std::string_view policy, double from, double to) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < from || value > to)
    return invalid(
        join("the expert policy ", policy, " needs a number from ", from, " to ", to, ", \"", text, "\" was given."));
  return value;
}

}  // namespace

Result<RoutingPolicy> parse_policy(std::string_view text) {
  RoutingPolicy policy;
  std::string_view kind = text;
  if (const size_t comma = text.find(','); comma != text.npos) {
    if (text.substr(comma) != ",renormalise")
      return invalid(join("the expert policy \"", text, "\" may only be followed by \",renormalise\"."));
    policy.renormalise = true;
    kind = text.substr(0, comma);
  }
  const size_t colon = kind.find(':');
  const std::string_view name = kind.substr(0, colon), value = colon == kind.npos ? "" : kind.substr(colon + 1);
  if (name == "dense" && value.empty()) return policy;
  if (name == "top-k") {
    LK_ASSIGN(const double k, number(value, name, 1, 1024));
    if (k != double(int64_t(k))) return invalid(join("the expert policy top-k needs a whole number, not ", value, "."));
    policy.top_k = int64_t(k);
    return policy;
  }
  if (name == "top-p") {
    LK_ASSIGN(policy.top_p, number(value, name, 1e-6, 1));
    policy.crossing = true;
    return policy;
  }
  if (name == "min-weight") {
    LK_ASSIGN(policy.min_weight, number(value, name, 0, 1));
    return policy;
  }
  return invalid(join("\"", text, "\" is no expert policy; there are dense, top-k:K, top-p:P and min-weight:W."));
}

Status check_policy(const RoutingPolicy& policy, uint32_t experts) {
  Graph g;  // the op that routes knows its limits
  (void)route(g, g.input("scores", DType::f32, {1, int64_t(experts)}), policy);
  if (!g.error()) return Done{};
  return invalid(join("the expert policy does not fit the model: ", g.error()->message));
}

std::vector<std::string> token_texts(const Tokenizer& tokenizer, const std::vector<int32_t>& text) {
  std::vector<std::string> texts;
  for (int32_t id : text) texts.push_back(tokenizer.decode(std::vector<int32_t>{id}, {.skip_special = false}));
  return texts;
}

std::string routing_bars(const PictureRouting& routing, const std::vector<std::string>& tokens) {
  std::string text = format("experts (entropy %.3f)\n", double(routing.entropy));
  for (size_t e = 0; e < routing.probabilities.size(); ++e) {
    const std::string note = routing.weights[e] == 0 ? "(skipped)" : format("%.1f ms", routing.expert_ms[e]);
    text += format("  %3zu %6.2f %% ", e, 100.0 * double(routing.probabilities[e])) + bar(routing.probabilities[e]) +
            " " + note + "\n";
  }
  text += "words that counted\n";
  for (size_t i : largest(routing.attention, kTokensShown))
    text += format("  %6.2f %% ", 100.0 * double(routing.attention[i])) + bar(routing.attention[i]) + " " +
            visible(tokens[i]) + "\n";
  text += format("picture %.0f ms%s, experts %.0f ms in all\n", routing.vision_ms,
                 routing.reused ? " (seen before)" : "", routing.experts_ms);
  return text;
}

nlohmann::ordered_json routing_json(const PictureRouting& routing, const std::vector<std::string>& tokens) {
  nlohmann::ordered_json json, attention = nlohmann::ordered_json::array(), skipped = nlohmann::ordered_json::array();
  for (size_t i = 0; i < routing.attention.size(); ++i)
    attention.push_back({{"token", tokens[i]}, {"weight", routing.attention[i]}});
  for (size_t e = 0; e < routing.weights.size(); ++e)
    if (routing.weights[e] == 0) skipped.push_back(e);
  json["experts"] = routing.probabilities;
  json["weights"] = routing.weights;
  json["skipped"] = std::move(skipped);
  json["entropy"] = routing.entropy;
  json["attention"] = std::move(attention);
  json["picture_reused"] = routing.reused;
  json["vision_ms"] = routing.vision_ms;
  json["experts_ms"] = routing.experts_ms;
  json["expert_ms"] = routing.expert_ms;
  return json;
}

std::string routing_svg(const PictureRouting& routing, const std::vector<std::string>& tokens) {
  constexpr int kLine = 22, kLeft = 70, kWide = 400;
  const std::vector<size_t> words = largest(routing.attention, kTokensShown);
  std::string rows;
  int y = 30;
  const auto line = [&](const std::string& label, float value, const char* colour, const std::string& note) {
    rows += format("<text x='%d' y='%d' text-anchor='end'>", kLeft - 8, y + 12) + label + "</text>" +
            format("<rect x='%d' y='%d' width='%.1f' height='14' fill='%s'/>", kLeft, y,
                   std::max(0.5, double(value) * kWide), colour) +
            format("<text x='%.1f' y='%d'>%.2f %% ", kLeft + double(value) * kWide + 6, y + 12, 100.0 * double(value)) +
            note + "</text>\n";
    y += kLine;
  };
  for (size_t e = 0; e < routing.probabilities.size(); ++e)
    line(format("expert %zu", e), routing.probabilities[e], routing.weights[e] == 0 ? "#bbb" : "#2a7",
         routing.weights[e] == 0 ? "skipped" : format("%.1f ms", routing.expert_ms[e]));
  y += kLine;
  for (size_t i : words) line("", routing.attention[i], "#27a", escaped(tokens[i]));
  return format(
             "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='sans-serif' font-size='12'>\n"
             "<text x='%d' y='18'>entropy %.3f</text>\n",
             kLeft + kWide + 220, y + 10, kLeft, double(routing.entropy)) +
         rows + "</svg>\n";
}

}  // namespace lorikeet
