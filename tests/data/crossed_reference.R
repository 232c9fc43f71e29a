# What lme4, lmerTest and ordinal compute for the tables SIMULATED_crossed_small_*.csv:
#   Rscript crossed_reference.R > crossed_reference.csv
# One row a number: table, model, quantity, value.
#   differences  D[p, i] = low - high:  D ~ 1 + (1 | p) + (1 | i)
#   means        the mean of low and high, for the variance of a single rating; the same model
#   slopes       y ~ 0 + cond + (1 + x || p) + (1 + x || i), x = +1/2 low, -1/2 high, 0 else
#   between      the same without the slope of images, each of which was rated in one arm only
#   interaction  (low - high at level 1) - (low - high at level 2), as differences
#   probit       clm(ordered(y) ~ x) on low and high
#   probit_interaction  clm(ordered(y) ~ x * z), z = +1/2 at level 1, -1/2 at level 2
suppressPackageStartupMessages({library(lme4); library(lmerTest); library(ordinal)})
tight <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
                     optCtrl = list(xtol_abs = 1e-12, xtol_rel = 1e-12, ftol_abs = 1e-12,
                                    ftol_rel = 1e-14, maxeval = 1e5))
cat("table,model,quantity,value\n")
say <- function(table, model, values)
  cat(sprintf("%s,%s,%s,%.12g\n", table, model, names(values), values), sep = "")
fitted <- function(table, model, fit, L) {
  row <- contest1D(fit, L)
  v <- as.data.frame(VarCorr(fit))
  part <- paste0("variance:", sub("\\.1$", "", v$grp), ifelse(is.na(v$var1), "", paste0(":", v$var1)))
  say(table, model, c(estimate = row[["Estimate"]], se = row[["Std. Error"]], df = row[["df"]],
                      p = row[["Pr(>|t|)"]], criterion = REMLcrit(fit), setNames(v$vcov, part)))
}
read <- function(table) {
  d <- read.csv(paste0("SIMULATED_crossed_small_", table, ".csv"))
  d$p <- factor(d$p); d$i <- factor(d$i)
  d$x <- (d$cond == "low") / 2 - (d$cond == "high") / 2
  d
}
pairs_of <- function(d) {
  both <- merge(d[d$cond == "low", c("p", "i", "y")], d[d$cond == "high", c("p", "i", "y")],
                by = c("p", "i"))
  data.frame(p = droplevels(both$p), i = droplevels(both$i), D = both$y.x - both$y.y,
             M = (both$y.x + both$y.y) / 2)
}
quietly <- function(expr) suppressMessages(suppressWarnings(expr))
for (table in c("balanced", "missing", "singular_participant", "singular_both", "acr", "crowd_pairs")) {
  b <- pairs_of(read(table))
  fitted(table, "differences", quietly(lmer(D ~ 1 + (1 | p) + (1 | i), b, control = tight)), 1)
  fitted(table, "means", quietly(lmer(M ~ 1 + (1 | p) + (1 | i), b, control = tight)), 1)
}
for (table in c("balanced", "missing", "latin", "acr", "crowd")) {
  d <- read(table)
  fit <- quietly(lmer(y ~ 0 + cond + (1 + x || p) + (1 + x || i), d, control = tight))
  L <- (names(fixef(fit)) == "condlow") - (names(fixef(fit)) == "condhigh")
  fitted(table, "slopes", fit, L)
}
d <- read("between_images")
fit <- quietly(lmer(y ~ 0 + cond + (1 + x || p) + (1 | i), d, control = tight))
fitted("between_images", "between", fit, (names(fixef(fit)) == "condlow") - (names(fixef(fit)) == "condhigh"))
for (table in c("levels", "acr_floor")) {
  d <- read(table)
  one <- pairs_of(d[d$level == 1, ]); two <- pairs_of(d[d$level == 2, ])
  both <- merge(one, two, by = c("p", "i")); both$D <- both$D.x - both$D.y
  fitted(table, "interaction", quietly(lmer(D ~ 1 + (1 | p) + (1 | i), both, control = tight)), 1)
}
for (table in c("acr", "acr_floor")) {
  d <- read(table); d <- d[d$x != 0, ]
  if (table == "acr") {
    fit <- clm(ordered(y) ~ x, data = d, link = "probit", control = clm.control(gradTol = 1e-10))
    say(table, "probit", c(fit$alpha, fit$beta, loglik = as.numeric(logLik(fit))))
  } else {
    d$z <- 1.5 - d$level
    fit <- clm(ordered(y) ~ x * z, data = d, link = "probit", control = clm.control(gradTol = 1e-10))
    say(table, "probit_interaction", c(fit$alpha, fit$beta, loglik = as.numeric(logLik(fit))))
  }
}
