// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RiskInjector} from "../../src/adapters/RiskInjector.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IRiskEnvelope} from "../../src/interfaces/IRiskEnvelope.sol";
import {IRiskInjector} from "../../src/interfaces/IRiskInjector.sol";
import {IRiskSource} from "../../src/interfaces/IRiskSource.sol";
import {Words} from "../../src/libraries/Words.sol";
import {RiskBase} from "../RiskBase.sol";
import {CapoPrice, CapoTarget, EModeMarket, PerFieldSteward} from "../mocks/Capo.sol";

/// @notice The incident of 10 March 2026 on Aave, as a regression. A capped price (CAPO) of wstETH holds a snapshot: a ratio and
/// the time at which it held; the cap is the ratio grown at a fixed rate since that time. An update meant to set the ratio of
/// seven days before (about 1.2282) with its time. A limit of 3 % in three days let the ratio go no further than 1.1919, the time
/// moved the whole way, and the cap came out at about 1.1939: 2.85 % below the market. 34 accounts with 10,938 wstETH (about 27 M
/// USD) that were healthy were liquidated. Each field had kept its own limits.
///
/// As published: those ratios, the limit, the seven days, the number of accounts and their collateral. Modelled: the date (the
/// suite's own), the old ratio (1.1572, from 1.1919 / 1.03), its time (755 days before the new one, which makes the true pair
/// grow by 3 % a year), the cap's rate (8.75 % a year, from 1.1939 / 1.1919 in seven days), the threshold of 95 %, how collateral
/// and leverage are spread over the accounts, and that a liquidation takes an account's whole collateral.
contract CapoIncidentTest is RiskBase {
    uint256 internal constant OLD_RATIO = 1.1572e18;
    uint256 internal constant CLIPPED_RATIO = 1.1919e18;
    uint256 internal constant TRUE_RATIO = 1.2282e18;
    uint256 internal constant MARKET_RATIO = 1.2289e18;
    uint256 internal constant ACCOUNTS = 34;
    uint256 internal constant COLLATERAL = 10_938e18;

    uint256 internal newTime;
    uint256 internal oldTime;
    CapoPrice internal capo;
    EModeMarket internal market;
    CapoTarget internal target;
    bytes32 internal capoModel;

    function setUp() public override {
        super.setUp();
        newTime = START - 7 days;
        oldTime = newTime - 755 days;
        capo = new CapoPrice(OLD_RATIO, oldTime, 875, MARKET_RATIO);
        market = new EModeMarket(capo, 9_500);
        // 34 accounts within 2.85 % of the threshold, and six that are further away.
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            uint256 collateral = i == 0 ? COLLATERAL - 33 * 320e18 : 320e18;
            market.open(collateral, collateral * MARKET_RATIO / 1e18 * (9_240 + 7 * i) / 10_000);
        }
        for (uint256 i = 0; i < 6; ++i) {
            market.open(500e18, 500 * MARKET_RATIO * 9_000 / 10_000);
        }
        target = new CapoTarget(capo);
        IModelRegistry.ModelSpec memory spec = _spec(_committed(1), 2);
        spec.outputDecimals = 0;
        capoModel = _register(spec);
    }

    function _pair(uint256 ratio, uint256 time) internal pure returns (uint256[] memory pair) {
        pair = new uint256[](2);
        (pair[0], pair[1]) = (ratio, time);
    }

    function _liquidateAll() internal returns (uint256 accounts, uint256 seized) {
        for (uint256 i = 0; i < market.count(); ++i) {
            if (!market.isLiquidatable(i)) continue;
            seized += market.liquidate(i);
            ++accounts;
        }
    }

    /// @dev The same limits by field as the steward's; with or without the rule over the pair.
    function _follow(string memory updateType, bool joint) internal returns (RiskInjector injector) {
        IRiskEnvelope.Limits memory limits;
        limits.fields = new IRiskEnvelope.FieldLimits[](2);
        limits.fields[0] = _field(1e18, 2e18, 1e18, 1e18, 1e18);
        limits.fields[0].maxStepBps = 300;
        limits.fields[1] = _field(1e9, 4e9, 4e9, 4e9, 4e9);
        limits.fields[1].moves = IRiskEnvelope.Direction.Up;
        limits.minDelay = 3 days;
        limits.holdBps = 30_000;
        if (joint) {
            limits.rules = new IRiskEnvelope.Rule[](1);
            limits.rules[0] = _rule(IRiskEnvelope.RuleKind.Growth, 0, 1, 0);
            (limits.rules[0].low, limits.rules[0].high, limits.rules[0].extra) = (200, 600, 7 days);
        }
        IRiskSource.Source memory source = _source();
        source.modelId = capoModel;
        source.seed = _pair(OLD_RATIO, oldTime);
        vm.startPrank(owner);
        envelope.setLimits(asset, updateType, limits);
        risk.setSource(asset, updateType, source);
        injector = new RiskInjector(owner, riskGuardian, risk, target, updateType, 1 days);
        injector.allowMarket(asset, true);
        vm.stopPrank();
        target.setInjector(address(injector));
        capo.setSteward(address(target));
    }

    function _ask(string memory updateType) internal returns (bytes32 id) {
        uint256 fee = risk.quoteUpdate(asset, updateType, DIRECT);
        vm.prank(user);
        id = risk.requestUpdate{value: fee}(asset, updateType, DIRECT, user);
    }

    function _provenPair(bytes32 id, uint256 ratio, uint256 time) internal returns (Delivery memory d) {
        d = _delivery(id, capoModel, DIRECT);
        int64[] memory outputs = new int64[](2);
        (outputs[0], outputs[1]) = (int64(uint64(ratio)), int64(uint64(time)));
        d.slots[0].outputWords = Words.packOutputs(outputs, true, true);
        return _prove(d);
    }

    function _answerPair(bytes32 id, uint256 ratio, uint256 time) internal {
        _fulfil(_provenPair(id, ratio, time));
        assertFalse(oracle.callbackFailed(id));
    }

    function _assertNobodyIsLiquidated() internal {
        assertEq(capo.price(), MARKET_RATIO);
        (uint256 accounts,) = _liquidateAll();
        assertEq(accounts, 0);
    }

    /// What happened: both fields within their own limits, and 34 accounts lose their collateral.
    function test_limitsByFieldLetItThrough() public {
        PerFieldSteward steward = new PerFieldSteward(capo);
        capo.setSteward(address(steward));
        assertEq(capo.price(), MARKET_RATIO);
        vm.expectRevert(abi.encodeWithSelector(PerFieldSteward.RatioTooHigh.selector, 1.191916e18, TRUE_RATIO));
        steward.update(TRUE_RATIO, newTime);
        steward.update(CLIPPED_RATIO, newTime);
        assertApproxEqAbs(capo.price(), 1.1939e18, 0.0001e18);
        assertApproxEqAbs(10_000 - capo.price() * 10_000 / MARKET_RATIO, 285, 1);
        (uint256 accounts, uint256 seized) = _liquidateAll();
        assertEq(accounts, ACCOUNTS);
        assertEq(seized, COLLATERAL);
    }

    /// The envelope with the same limits by field and the rule over the pair rejects it; the last good pair stays.
    function test_theEnvelopeStopsIt() public {
        RiskInjector injector = _follow("Capo", true);
        bytes32 id = _ask("Capo");
        Delivery memory d = _provenPair(id, CLIPPED_RATIO, newTime);
        vm.expectEmit(address(risk));
        emit IRiskSource.UpdateRejected(
            id,
            asset,
            "Capo",
            abi.encodeWithSelector(
                IRiskEnvelope.GrowthTooLow.selector, 200, OLD_RATIO, CLIPPED_RATIO, newTime - oldTime
            )
        );
        _fulfil(d);
        assertFalse(oracle.callbackFailed(id));
        assertEq(risk.updateCounter(), 0);
        vm.expectRevert(abi.encodeWithSelector(IRiskInjector.NothingReleased.selector, asset));
        injector.inject(asset);
        _assertNobodyIsLiquidated();
    }

    /// It is the rule over the pair that stops it: the limits by field alone release it. The protocol's adapter, which knows the
    /// market's ratio, is the second line.
    function test_withoutTheJointRuleOnlyTheAdapterIsLeft() public {
        RiskInjector injector = _follow("FieldsOnly", false);
        _answerPair(_ask("FieldsOnly"), CLIPPED_RATIO, newTime);
        (uint256[] memory pair,,,) = risk.lastGood(asset, "FieldsOnly");
        assertEq(pair, _pair(CLIPPED_RATIO, newTime));
        bytes memory reason = abi.encodeWithSelector(
            CapoTarget.CapBelowMarket.selector, capo.capOf(CLIPPED_RATIO, newTime), MARKET_RATIO
        );
        vm.expectRevert(abi.encodeWithSelector(IRiskInjector.TargetRefused.selector, reason));
        injector.inject(asset);
        _assertNobodyIsLiquidated();
    }

    /// A pair that fits its predecessor in the oracle need not fit what the protocol uses: the injector measures growth from the
    /// live pair.
    function test_theInjectorMeasuresFromTheLivePair() public {
        RiskInjector injector = _follow("Capo", true);
        uint256 later = oldTime + 365 days;
        _answerPair(_ask("Capo"), OLD_RATIO * 1_029 / 1_000, later);
        assertEq(risk.updateCounter(), 1);
        capo.setSteward(address(this));
        capo.setSnapshot(OLD_RATIO * 1_025 / 1_000, later - 30 days);
        capo.setSteward(address(target));
        // 0.39 % in thirty days is 4.7 % a year: fine. In a hundred it would not be.
        (bool ok,) = injector.canInject(asset);
        assertTrue(ok);
        capo.setSteward(address(this));
        capo.setSnapshot(OLD_RATIO * 1_025 / 1_000, later - 100 days);
        bytes memory reason = abi.encodeWithSelector(
            IRiskEnvelope.GrowthTooLow.selector,
            200,
            OLD_RATIO * 1_025 / 1_000,
            OLD_RATIO * 1_029 / 1_000,
            uint256(100 days)
        );
        vm.expectRevert(abi.encodeWithSelector(IRiskInjector.EnvelopeRefused.selector, reason));
        injector.inject(asset);
    }

    /// The pair that was meant is 6.1 % away: held, approved by the guardian, injected, and nobody is liquidated.
    function test_theTruePairIsHeldAndThenInjected() public {
        RiskInjector injector = _follow("Capo", true);
        bytes32 id = _ask("Capo");
        _answerPair(id, TRUE_RATIO, newTime);
        assertEq(risk.heldOf(asset, "Capo").requestId, id);
        vm.prank(riskGuardian);
        risk.approve(asset, "Capo", id);
        injector.inject(asset);
        assertEq(capo.snapshotRatio(), TRUE_RATIO);
        assertEq(capo.snapshotTime(), newTime);
        _assertNobodyIsLiquidated();
    }

    /// No clipping of the ratio by 2 % or more next to the full step of the time gets through, whatever else is in the pair.
    function testFuzz_noClippedRatioPasses(uint256 ratio) public {
        _follow("Capo", true);
        // 2 % a year over 755 days is 4.14 %.
        ratio = bound(ratio, 1e18, OLD_RATIO * 10_413 / 10_000);
        (IRiskEnvelope.Verdict verdict,) =
            envelope.preview(envelope.keyOf(asset, "Capo"), _pair(OLD_RATIO, oldTime), _pair(ratio, newTime), true);
        assertEq(uint256(verdict), uint256(IRiskEnvelope.Verdict.Rejected));
    }
}
