# Reference numbers of R for answers of two kinds; see make_choices_tables.py and README.md.
suppressMessages({library(jsonlite); library(ordinal); library(lme4)})
found <- list()
exact <- glm.control(epsilon = 1e-14, maxit = 100)
table_of <- function(fit) list(
  estimate = as.list(coef(summary(fit))[, 1]), error = as.list(coef(summary(fit))[, 2]))

# Bradley-Terry and Thurstone case V: base glm without ties, ordinal::clm with them
# (symmetric thresholds about 0: Rao and Kupper 1967; Glenn and David 1960).
d <- read.csv("SIMULATED_comparisons.csv")
items <- setdiff(sort(unique(c(d$first, d$second))), "intact")
for (item in items) d[[item]] <- (d$first == item) - (d$second == item)
terms <- paste(items, collapse = " + ")
untied <- d[d$share != 0.5, ]
d$answer <- factor(d$share, ordered = TRUE)
for (link in c("logit", "probit")) {
  fit <- glm(as.formula(paste("share ~ 0 +", terms)), binomial(link), untied, control = exact)
  found$scale[[link]] <- table_of(fit)
  fit <- clm(as.formula(paste("answer ~", terms)), data = d, link = link,
             threshold = "symmetric2", control = clm.control(gradTol = 1e-10))
  found$tied[[link]] <- table_of(fit)
}

# Low or high, participants and images random: Laplace, as here; errors at the estimated variances.
search <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-10))
mixed <- function(fit) list(
  fixed = as.list(fixef(fit)),
  error = as.list(sqrt(diag(as.matrix(vcov(fit, use.hessian = FALSE))))),
  variances = lapply(VarCorr(fit), function(v) v[1]), deviance = -2 * as.numeric(logLik(fit)))
d <- read.csv("SIMULATED_preferences.csv")
found$preference <- mixed(glmer(share ~ 1 + (1 | participant) + (1 | scene), d, binomial, search))

# Thresholds: Weibull on log10 strength with guessing 0.5 and lapses 0.01 as a link of its own.
weibull <- structure(list(
  linkfun = function(mu) log10(-log((0.99 - mu) / 0.49)),
  linkinv = function(eta) pmin(0.99 - 0.49 * exp(-10^pmin(eta, 3)), 1 - 1e-12),
  mu.eta = function(eta) pmax(0.49 * exp(-10^pmin(eta, 3)) * 10^pmin(eta, 3) * log(10), 1e-9),
  valideta = function(eta) TRUE, name = "weibull"), class = "link-glm")
d <- read.csv("SIMULATED_detections.csv")
d$x <- log10(d$strength)
d$start <- ifelse(d$right == 1, 0.9, 0.6)
search$tolPwrss <- 1e-10
found$detection <- mixed(glmer(
  right ~ 0 + region + x + (1 | participant) + (1 | participant:region) + (1 | scene) +
    (1 | scene:region), d, binomial(weibull), search, mustart = d$start))

# Real or generated: d' and c of one participant as the slope and intercept of a probit regression on
# log-linear corrected counts (DeCarlo 1998), the population's by glmer, ROC area and its error by hand.
d <- read.csv("SIMULATED_authenticity.csv")
d$generated <- as.numeric(d$truth == "generated")
d$s <- d$generated - 0.5
one <- d[d$participant == "P03" & d$condition == "intact", ]
n <- tapply(one$said, one$generated, length)
k <- tapply(one$said, one$generated, sum)
rate <- (k + 0.5) / (n + 1)
side <- c(-0.5, 0.5)
fit <- suppressWarnings(glm(cbind(rate * n, (1 - rate) * n) ~ side, binomial("probit"), control = exact))
evidence <- ifelse(one$said == 1, one$confidence, -one$confidence)
wins <- outer(evidence[one$generated == 1], evidence[one$generated == 0],
              function(a, b) (a > b) + 0.5 * (a == b))
found$sensitivity <- list(
  d_prime = unname(coef(fit)[2]), d_prime_error = sqrt(vcov(fit)[2, 2]),
  criterion = -unname(coef(fit)[1]), criterion_error = sqrt(vcov(fit)[1, 1]),
  area = mean(wins),
  wilcoxon = unname(suppressWarnings(wilcox.test(
    evidence[one$generated == 1], evidence[one$generated == 0], exact = FALSE))$statistic) / length(wins),
  area_error = sqrt(var(rowMeans(wins)) / nrow(wins) + var(colMeans(wins)) / ncol(wins)))
d$condition <- factor(d$condition, levels = c("high", "intact"))
found$authenticity <- mixed(glmer(
  said ~ 0 + condition:s + condition + (1 | participant) + (0 + s | participant) + (1 | scene) +
    (1 | scene:condition), d, binomial("probit"), search))

found$versions <- list(R = R.version.string, ordinal = as.character(packageVersion("ordinal")),
                       lme4 = as.character(packageVersion("lme4")))
write_json(found, "choices_reference.json", digits = 12, pretty = TRUE, auto_unbox = TRUE)
