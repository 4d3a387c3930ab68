// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RiskEnvelope} from "../src/RiskEnvelope.sol";
import {RiskOracle} from "../src/RiskOracle.sol";
import {IDodonaOracle} from "../src/interfaces/IDodonaOracle.sol";
import {IDodonaRiskOracle, IRiskEnvelope} from "../src/interfaces/IRiskOracle.sol";
import {Words} from "../src/libraries/Words.sol";
import {Base} from "./Base.sol";

/// @notice A risk oracle over the three-output model (hundredths of a basis point), seeded with LTV 65 %, LT 72 %, LB 5 %.
abstract contract RiskBase is Base {
    string internal constant TYPE = "LiquidationVector";
    uint64 internal constant MIN_DELAY = 10 minutes;
    uint32 internal constant RELEASE_GAS = 700_000;

    RiskEnvelope internal envelope;
    RiskOracle internal risk;
    bytes32 private _rejectedId;
    bytes private _rejection;
    address internal asset = makeAddr("asset");

    function setUp() public virtual override {
        super.setUp();
        envelope = new RiskEnvelope(owner);
        risk = new RiskOracle(owner, oracle, envelope);
        vm.startPrank(owner);
        envelope.setLimits(asset, TYPE, _limits3(), MIN_DELAY, IRiskEnvelope.JointRule.Lending);
        risk.setSource(asset, TYPE, _source());
        vm.stopPrank();
    }

    function _limits3() internal pure returns (IRiskEnvelope.FieldLimits[] memory limits) {
        limits = new IRiskEnvelope.FieldLimits[](3);
        limits[0] = IRiskEnvelope.FieldLimits({min: 3_000, max: 9_000, maxStep: 300});
        limits[1] = IRiskEnvelope.FieldLimits({min: 4_000, max: 9_900, maxStep: 300});
        limits[2] = IRiskEnvelope.FieldLimits({min: 100, max: 2_000, maxStep: 200});
    }

    function _source() internal view returns (IDodonaRiskOracle.Source memory source) {
        source.modelId = model;
        source.directVersion = directVersion;
        source.aggregatedVersion = aggregatedVersion;
        source.callbackGasLimit = RELEASE_GAS;
        source.timeToLive = 1 hours;
        source.maxDataAge = 5 minutes;
        source.maxDeliveryAge = 30 minutes;
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
        Delivery memory d = _delivery(id, model, mode);
        int64[] memory outputs = new int64[](3);
        for (uint256 i = 0; i < 3; ++i) {
            outputs[i] = bps[i] * 100;
        }
        d.slots[0].outputWords = Words.packOutputs(outputs, inDomain, unsaturated);
        _prove(d);
        if (_rejectedId == id && id != 0) {
            vm.expectEmit(address(risk));
            emit IDodonaRiskOracle.UpdateRejected(id, asset, TYPE, _rejection);
        }
        _fulfil(d);
    }

    function _release(int64[3] memory bps) internal returns (bytes32 id) {
        id = _askRisk(DIRECT);
        _answer(id, DIRECT, bps, true, true);
    }

    /// @dev The answer to `id` must be rejected for exactly this reason; looked at in `_answer`.
    function _expectRejected(bytes32 id, bytes memory reason) internal {
        (_rejectedId, _rejection) = (id, reason);
    }
}
