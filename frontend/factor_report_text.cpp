// The report as a table, as JSON and as a drawing.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "frontend/factor_report.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string line_name(const FactorReport& report, const FactorPoint& point) {
  return point.active ? join(point.active, " of ", report.experts) : "dense";
}

double mean_accuracy(const FactorPoint& point) {
  double sum = 0;
  for (const TaskScore& score : point.tasks) sum += score.accuracy.value();
  return point.tasks.empty() ? 0 : sum / double(point.tasks.size());
}

// Of the dense model's accuracy above chance.
double kept_above_chance(const FactorPoint& point, const FactorPoint& dense) {
  double own = 0, all = 0;
  for (size_t i = 0; i < point.tasks.size(); ++i) {
    own += point.tasks[i].accuracy.value() - point.tasks[i].chance;
    all += dense.tasks[i].accuracy.value() - dense.tasks[i].chance;
  }
  return all > 0 ? own / all : 0;
}

}  // namespace

std::string factor_table(const FactorReport& report) {
  const FactorPoint& dense = report.points.front();
  const bool tasks = !dense.tasks.empty();
  std::string text =
      format("%-9s %10s %8s %8s %s%9s %9s %9s %8s %9s %8s\n", "experts", "perplexity", "ratio", "agrees",
             tasks ? "accuracy  kept " : "", "MFLOP", "MB FFN", "tokens/s", "speed-up", "predicted", "prompt");
  for (const FactorPoint& point : report.points) {
    text += format("%-9s %10.3f %8.3f %7.1f%% ", line_name(report, point).c_str(), point.perplexity,
                   dense.perplexity / point.perplexity, 100 * point.agreement);
    if (tasks) text += format("%7.1f%% %4.0f%% ", 100 * mean_accuracy(point), 100 * kept_above_chance(point, dense));
    text += format("%9.1f %9.2f %9.1f %8.2f %9.2f %8.1f\n", point.ffn_flops / 1e6, point.ffn_bytes / 1e6,
                   point.generate, point.generate / dense.generate, dense.bytes / point.bytes, point.prompt);
  }
  return text;
}

nlohmann::ordered_json factor_json(const FactorReport& report) {
  nlohmann::ordered_json points = nlohmann::ordered_json::array();
  const FactorPoint& dense = report.points.front();
  for (const FactorPoint& point : report.points) {
    nlohmann::ordered_json tasks = nlohmann::ordered_json::array(), layers = nlohmann::ordered_json::array();
    for (const TaskScore& score : point.tasks)
      tasks.push_back({{"task", score.task},
                       {"accuracy", score.accuracy.value()},
                       {"questions", score.accuracy.of},
                       {"chance", score.chance}});
    for (const LayerLoad& layer : point.layers) layers.push_back({{"load", layer.share}, {"entropy", layer.entropy}});
    points.push_back({{"experts", point.active ? report.experts : 0},
                      {"active", point.active},
                      {"perplexity", point.perplexity},
                      {"agreement", point.agreement},
                      {"tasks", tasks},
                      {"ffn_flops", point.ffn_flops},
                      {"ffn_bytes", point.ffn_bytes},
                      {"bytes", point.bytes},
                      {"generate_tokens_per_second", point.generate},
                      {"prompt_tokens_per_second", point.prompt},
                      {"speed_up", point.generate / dense.generate},
                      {"predicted_speed_up", dense.bytes / point.bytes},
                      {"memory_bytes", point.memory},
                      {"layers", layers}});
  }
  return {{"experts", report.experts}, {"tokens", report.tokens}, {"points", points}};
}

// Right is faster, up is better: the dense perplexity over the own.
std::string factor_svg(const FactorReport& report) {
  constexpr int kLeft = 60, kTop = 30, kWide = 520, kHigh = 300;
  const FactorPoint& dense = report.points.front();
  double fastest = 1;
  for (const FactorPoint& point : report.points) fastest = std::max(fastest, point.generate / dense.generate);
  const auto x = [&](double speed_up) { return kLeft + speed_up / fastest * kWide; };
  const auto y = [&](double quality) { return kTop + kHigh - std::clamp(quality, 0.0, 1.1) / 1.1 * kHigh; };
  std::string svg = format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='sans-serif' font-size='12'>\n"
      "<rect width='100%%' height='100%%' fill='white'/>\n",
      kLeft + kWide + 60, kTop + kHigh + 50);
  for (int i = 0; i <= 4; ++i) {
    svg += format("<path d='M%d %.1fh%d' stroke='#ddd'/><text x='%d' y='%.1f' text-anchor='end'>%.2f</text>\n", kLeft,
                  y(i / 4.0), kWide, kLeft - 6, y(i / 4.0) + 4, i / 4.0);
    svg += format("<text x='%.1f' y='%d' text-anchor='middle'>%.2f</text>\n", x(fastest * i / 4), kTop + kHigh + 18,
                  fastest * i / 4);
  }
  svg += "<polyline fill='none' stroke='#27a' points='";
  for (const FactorPoint& point : report.points)
    if (point.active)
      svg += format("%.1f,%.1f ", x(point.generate / dense.generate), y(dense.perplexity / point.perplexity));
  svg += "'/>\n";
  for (const FactorPoint& point : report.points) {
    const double at_x = x(point.generate / dense.generate), at_y = y(dense.perplexity / point.perplexity);
    svg += format("<circle cx='%.1f' cy='%.1f' r='4' fill='%s'/><text x='%.1f' y='%.1f'>%s</text>\n", at_x, at_y,
                  point.active ? "#27a" : "#c62", at_x + 6, at_y - 6, line_name(report, point).c_str());
  }
  svg += format(
      "<text x='%d' y='18'>dense perplexity / perplexity</text>"
      "<text x='%d' y='%d' text-anchor='middle'>speed of generation, the dense model's is 1</text>\n</svg>\n",
      kLeft, kLeft + kWide / 2, kTop + kHigh + 40);
  return svg;
}

}  // namespace lorikeet
