// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../src/interfaces/IDodonaOracle.sol";
import {IRiskEnvelope} from "../src/interfaces/IRiskEnvelope.sol";
import {IRiskSource} from "../src/interfaces/IRiskSource.sol";
import {Words} from "../src/libraries/Words.sol";
import {RiskEnvelope} from "../src/risk/RiskEnvelope.sol";
import {RiskOracle} from "../src/risk/RiskOracle.sol";
import {Base} from "./Base.sol";

/// @notice A risk oracle over the three-output model (hundredths of a basis point), seeded with LTV 65 %, LT 72 %, LB 5 %.
abstract contract RiskBase is Base {
    string internal constant TYPE = "LiquidationVector";
    uint64 internal constant MIN_DELAY = 10 minutes;
    uint64 internal constant MAX_HELD_AGE = 6 hours;
    uint32 internal constant RELEASE_GAS = 700_000;
    uint32 internal constant NO_RELATIVE_LIMIT = type(uint32).max;

    RiskEnvelope internal envelope;
    RiskOracle internal risk;
    bytes32 private _rejectedId;
    bytes private _rejection;
    address internal asset = makeAddr("asset");
    address internal riskGuardian = makeAddr("risk guardian");
    bytes32 internal riskKey;
    uint256[] internal none;

    function setUp() public virtual override {
        super.setUp();
        envelope = new RiskEnvelope(owner);
        risk = new RiskOracle(owner, riskGuardian, oracle, envelope, router.srsDigest());
        riskKey = envelope.keyOf(asset, TYPE);
        vm.startPrank(owner);
        envelope.bind(address(risk));
        envelope.setLimits(asset, TYPE, _limits3());
        risk.setSource(asset, TYPE, _source());
        vm.stopPrank();
    }

    /// @dev Steps of 300, 300 and 200 pass, up to twice that is held; LTV may tighten without delay.
    function _limits3() internal pure returns (IRiskEnvelope.Limits memory limits) {
        limits.fields = new IRiskEnvelope.FieldLimits[](3);
        limits.fields[0] = _field(3_000, 9_000, 300, 900, 2_000);
        limits.fields[1] = _field(4_000, 9_900, 300, 900, 2_000);
        limits.fields[2] = _field(100, 2_000, 200, 600, 1_200);
        limits.fields[0].delayFree = IRiskEnvelope.Direction.Down;
        limits.rules = new IRiskEnvelope.Rule[](2);
        limits.rules[0] = _rule(IRiskEnvelope.RuleKind.Threshold, 0, 1, 0);
        limits.rules[1] = _rule(IRiskEnvelope.RuleKind.Bonus, 1, 2, 0);
        limits.minDelay = MIN_DELAY;
        limits.holdBps = 20_000;
    }

    function _field(uint64 min, uint64 max, uint64 maxStep, uint64 week, uint64 month)
        internal
        pure
        returns (IRiskEnvelope.FieldLimits memory)
    {
        return IRiskEnvelope.FieldLimits({
            min: min,
            max: max,
            maxStep: maxStep,
            weekBudget: week,
            monthBudget: month,
            maxStepBps: NO_RELATIVE_LIMIT,
            moves: IRiskEnvelope.Direction.Both,
            delayFree: IRiskEnvelope.Direction.None
        });
    }

    function _rule(IRiskEnvelope.RuleKind kind, uint8 a, uint8 b, uint8 c)
        internal
        pure
        returns (IRiskEnvelope.Rule memory rule)
    {
        (rule.kind, rule.a, rule.b, rule.c) = (kind, a, b, c);
    }

    function _source() internal view returns (IRiskSource.Source memory source) {
        source.modelId = model;
        source.directVersion = directVersion;
        source.aggregatedVersion = aggregatedVersion;
        source.callbackGasLimit = RELEASE_GAS;
        source.timeToLive = 1 hours;
        source.maxDataAge = 5 minutes;
        source.maxDeliveryAge = 30 minutes;
        source.maxHeldAge = MAX_HELD_AGE;
        source.staleAfter = 1 days;
        source.seed = _vector(6_500, 7_200, 500);
    }

    function _vector(uint256 a, uint256 b, uint256 c) internal pure returns (uint256[] memory v) {
        v = new uint256[](3);
        (v[0], v[1], v[2]) = (a, b, c);
    }

    function _askRisk(uint8 mode) internal returns (bytes32 id) {
        uint256 fee = risk.quoteUpdate(asset, TYPE, mode);
        vm.prank(user);
        id = risk.requestUpdate{value: fee}(asset, TYPE, mode, address(0));
    }

    /// @dev Answers with values in basis points (times 100, as the model's two decimals want) and the given flags.
    function _answer(bytes32 id, uint8 mode, int64[3] memory bps, bool inDomain, bool unsaturated) internal {
        Delivery memory d = _proven(id, mode, bps, inDomain, unsaturated);
        if (_rejectedId == id && id != 0) {
            vm.expectEmit(address(risk));
            emit IRiskSource.UpdateRejected(id, asset, TYPE, _rejection);
        }
        _fulfil(d);
    }

    function _proven(bytes32 id, uint8 mode, int64[3] memory bps, bool inDomain, bool unsaturated)
        internal
        returns (Delivery memory d)
    {
        d = _delivery(id, model, mode);
        int64[] memory outputs = new int64[](3);
        for (uint256 i = 0; i < 3; ++i) {
            outputs[i] = bps[i] * 100;
        }
        d.slots[0].outputWords = Words.packOutputs(outputs, inDomain, unsaturated);
        _prove(d);
    }

    function _release(int64[3] memory bps) internal returns (bytes32 id) {
        id = _askRisk(DIRECT);
        _answer(id, DIRECT, bps, true, true);
    }

    /// @dev The answer to `id` must be rejected for exactly this reason; looked at in `_answer`.
    function _expectRejected(bytes32 id, bytes memory reason) internal {
        (_rejectedId, _rejection) = (id, reason);
    }

    function _latest() internal view returns (uint256[] memory values) {
        (values,,,) = risk.lastGood(asset, TYPE);
    }

    /// @dev An answer as the oracle would hand it over, for calls in its name.
    function _answerOf(uint256[] memory bps, uint64 observedAt)
        internal
        view
        returns (IDodonaOracle.Answer memory answer)
    {
        answer.modelId = model;
        answer.observedAt = observedAt;
        answer.validUntil = observedAt + 1 days;
        answer.fulfilledAt = uint64(block.timestamp);
        (answer.inDomain, answer.unsaturated) = (true, true);
        answer.outputs = new int64[](bps.length);
        for (uint256 i = 0; i < bps.length; ++i) {
            answer.outputs[i] = int64(uint64(bps[i] * 100));
        }
    }

    /// @dev The oracle's callback itself, without proof, observations and their clock.
    function _deliver(uint256[] memory bps) internal returns (bytes32 id) {
        id = _askRisk(DIRECT);
        vm.prank(address(oracle));
        risk.onDodonaAnswer(id, _answerOf(bps, uint64(block.timestamp)));
    }
}
