// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IRiskEnvelope} from "../../src/interfaces/IRiskEnvelope.sol";
import {IDodonaRiskOracle, IRiskOracle} from "../../src/interfaces/IRiskOracle.sol";
import {IRiskSource} from "../../src/interfaces/IRiskSource.sol";
import {RiskEnvelope} from "../../src/risk/RiskEnvelope.sol";
import {RiskOracle} from "../../src/risk/RiskOracle.sol";
import {RiskBase} from "../RiskBase.sol";

/// @notice The reading side as other protocols' injectors declare it, written down here without this project's types.
interface IForeignReader {
    struct RiskParameterUpdate {
        uint256 timestamp;
        bytes newValue;
        string referenceId;
        bytes previousValue;
        string updateType;
        uint256 updateId;
        address market;
        bytes additionalData;
    }

    function getLatestUpdateByParameterAndMarket(string memory updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory);
    function getUpdateById(uint256 updateId) external view returns (RiskParameterUpdate memory);
    function latestUpdateIdByMarketAndType(address market, string memory updateType) external view returns (uint256);
    function updateCounter() external view returns (uint256);
}

contract RiskOracleTest is RiskBase {
    function testFuzz_releasesAProvenVector(bool aggregate, uint16 ltv, uint16 lt, uint16 lb) public {
        ltv = uint16(bound(ltv, 6_200, 6_800));
        lt = uint16(bound(lt, 6_900, 7_500));
        lb = uint16(bound(lb, 300, 700));
        uint8 mode = aggregate ? AGGREGATED : DIRECT;
        bytes32 id = _askRisk(mode);
        _answer(id, mode, [int64(uint64(ltv)), int64(uint64(lt)), int64(uint64(lb))], true, true);
        IRiskOracle.RiskParameterUpdate memory update = risk.getLatestUpdateByParameterAndMarket(TYPE, asset);
        assertEq(update.updateId, 1);
        assertEq(risk.updateCounter(), 1);
        assertEq(risk.latestUpdateIdByMarketAndType(asset, TYPE), 1);
        assertEq(update.timestamp, START);
        assertEq(update.newValue, abi.encode(_vector(ltv, lt, lb)));
        assertEq(update.previousValue, "");
        assertEq(update.referenceId, Strings.toHexString(uint256(id), 32));
        assertEq(update.updateType, TYPE);
        assertEq(update.market, asset);
        uint64 observedAt = risk.lastObservedAt(asset, TYPE);
        assertEq(observedAt, START / PERIOD * PERIOD);
        assertEq(update.additionalData, abi.encode(id, model, observedAt, observedAt + 1 days));
        assertFalse(oracle.callbackFailed(id));
    }

    function test_aSecondReleaseNamesTheFirst() public {
        _release([int64(6_600), 7_300, 500]);
        vm.warp(START + MIN_DELAY + 60);
        _release([int64(6_400), 7_100, 450]);
        IRiskOracle.RiskParameterUpdate memory update = risk.getUpdateById(2);
        assertEq(update.previousValue, abi.encode(_vector(6_600, 7_300, 500)));
        assertEq(update.newValue, abi.encode(_vector(6_400, 7_100, 450)));
        assertEq(risk.getUpdateById(1).newValue, update.previousValue);
    }

    function testFuzz_roundsToWholeBasisPoints(uint8 part) public {
        part = part % 100;
        bytes32 id = _askRisk(DIRECT);
        Delivery memory d = _delivery(id, model, DIRECT);
        d.slots[0].outputWords[0] += part;
        _fulfil(_prove(d));
        uint256 ltv = abi.decode(risk.getUpdateById(1).newValue, (uint256[]))[0];
        assertEq(ltv, part < 50 ? 6_500 : 6_501);
    }

    function _assertNothingReleased() internal {
        assertEq(risk.updateCounter(), 0);
        vm.expectRevert(abi.encodeWithSelector(IRiskOracle.NoUpdate.selector, TYPE, asset));
        risk.getLatestUpdateByParameterAndMarket(TYPE, asset);
    }

    function test_rejectsOutOfDomain() public {
        bytes32 id = _askRisk(DIRECT);
        _expectRejected(id, abi.encodeWithSelector(IRiskSource.NotInDomain.selector, id));
        _answer(id, DIRECT, [int64(6_500), 7_200, 500], false, true);
        _assertNothingReleased();
        assertEq(oracle.creditOf(address(0), operator), oracle.requestOf(id).fee);
    }

    function test_rejectsSaturated() public {
        bytes32 id = _askRisk(DIRECT);
        _expectRejected(id, abi.encodeWithSelector(IRiskSource.Saturated.selector, id));
        _answer(id, DIRECT, [int64(6_500), 7_200, 500], true, false);
        _assertNothingReleased();
    }

    function testFuzz_rejectsNegative(int64 value, uint8 at) public {
        int64[3] memory bps = [int64(6_500), 7_200, 500];
        at = at % 3;
        bps[at] = int64(bound(value, -1e15, -1));
        bytes32 id = _askRisk(DIRECT);
        _expectRejected(id, abi.encodeWithSelector(IRiskSource.NegativeValue.selector, at, int256(bps[at]) * 100));
        _answer(id, DIRECT, bps, true, true);
        _assertNothingReleased();
    }

    function testFuzz_rejectsWhatTheEnvelopeRefuses(uint16 ltv) public {
        ltv = uint16(bound(ltv, 7_101, 9_000));
        bytes32 id = _askRisk(DIRECT);
        _expectRejected(id, abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 0, 600, ltv - 6_500));
        _answer(id, DIRECT, [int64(uint64(ltv)), 7_200, 500], true, true);
        _assertNothingReleased();
    }

    /// The same observation, or an older one, cannot be released again through a second request.
    function test_observedAtMustIncrease() public {
        bytes32 first = _askRisk(DIRECT);
        bytes32 second = _askRisk(DIRECT);
        _answer(first, DIRECT, [int64(6_600), 7_300, 500], true, true);
        uint64 observedAt = risk.lastObservedAt(asset, TYPE);
        _expectRejected(
            second, abi.encodeWithSelector(IRiskSource.ObservationNotNewer.selector, observedAt, observedAt)
        );
        _answer(second, DIRECT, [int64(6_400), 7_300, 500], true, true);
        assertEq(risk.updateCounter(), 1);
    }

    function testFuzz_rejectsTooSoon(uint64 wait) public {
        _release([int64(6_600), 7_300, 500]);
        vm.warp(bound(wait, START + PERIOD, START + MIN_DELAY - 1));
        bytes32 id = _askRisk(DIRECT);
        _expectRejected(id, abi.encodeWithSelector(IRiskEnvelope.TooSoon.selector, START + MIN_DELAY, block.timestamp));
        _answer(id, DIRECT, [int64(6_600), 7_200, 500], true, true);
        assertEq(abi.decode(risk.getUpdateById(1).newValue, (uint256[]))[0], 6_600);
    }

    /// A callback that ran out of gas may be tried again, but not so late that the answer is stale.
    function testFuzz_aLateRetryIsTooOld(uint64 wait) public {
        IRiskSource.Source memory source = _source();
        source.callbackGasLimit = 20_000;
        vm.startPrank(owner);
        envelope.setLimits(asset, "Starved", _limits3());
        risk.setSource(asset, "Starved", source);
        vm.stopPrank();
        vm.prank(user);
        bytes32 id = risk.requestUpdate{value: 1 ether}(asset, "Starved", DIRECT, user);
        _answer(id, DIRECT, [int64(6_500), 7_200, 500], true, true);
        assertTrue(oracle.callbackFailed(id));
        uint256 latest = START / PERIOD * PERIOD + source.maxDeliveryAge;
        vm.warp(bound(wait, START, START + 2 hours));
        oracle.retryCallback(id);
        assertEq(risk.latestUpdateIdByMarketAndType(asset, "Starved"), block.timestamp > latest ? 0 : 1);
    }

    /// With gas for this contract but not for the envelope, nothing is decided.
    function testFuzz_starvingTheEnvelopeDecidesNothing(uint256 gas_) public {
        bytes32 id = _askRisk(DIRECT);
        IDodonaOracle.Answer memory answer = IDodonaOracle.Answer({
            modelId: model,
            observedAt: uint64(START),
            validUntil: uint64(START + 1 days),
            fulfilledAt: uint64(START),
            inDomain: true,
            unsaturated: true,
            outputs: new int64[](3)
        });
        (answer.outputs[0], answer.outputs[1], answer.outputs[2]) = (650_000, 720_000, 50_000);
        gas_ = bound(gas_, 10_000, RELEASE_GAS);
        vm.recordLogs();
        vm.prank(address(oracle));
        (bool ok,) = address(risk).call{gas: gas_}(abi.encodeCall(risk.onDodonaAnswer, (id, answer)));
        assertEq(risk.updateCounter(), ok ? 1 : 0);
    }

    /// An envelope that says nothing has not agreed: the callback fails as a whole and can be tried again.
    function test_anEnvelopeWithoutAReasonDecidesNothing() public {
        bytes32 id = _askRisk(DIRECT);
        vm.mockCallRevert(address(envelope), abi.encodeWithSelector(IRiskEnvelope.admit.selector), "");
        _answer(id, DIRECT, [int64(6_500), 7_200, 500], true, true);
        assertTrue(oracle.callbackFailed(id));
        assertEq(risk.updateCounter(), 0);
        vm.clearMockedCalls();
        oracle.retryCallback(id);
        assertEq(risk.updateCounter(), 1);
    }

    function testFuzz_onlyTheOracleAnswers(address caller) public {
        vm.assume(caller != address(oracle));
        IDodonaOracle.Answer memory answer;
        vm.expectRevert(abi.encodeWithSelector(IRiskSource.NotOracle.selector, address(oracle), caller));
        vm.prank(caller);
        risk.onDodonaAnswer(0, answer);
    }

    /// Somebody else's request cannot be answered into this contract.
    function testFuzz_refusesRequestsThatAreNotItsOwn(bytes32 id) public {
        IDodonaOracle.Answer memory answer;
        vm.expectRevert(abi.encodeWithSelector(IRiskSource.UnknownRequest.selector, id));
        vm.prank(address(oracle));
        risk.onDodonaAnswer(id, answer);
    }

    function test_thePayerIsRefunded() public {
        bytes32 id = _askRisk(DIRECT);
        vm.warp(START + 1 hours + 1);
        oracle.refund(id);
        assertEq(oracle.creditOf(address(0), user), oracle.requestOf(id).fee);
    }

    function testFuzz_refusesModesThatAreNotPinned(uint8 mode) public {
        IRiskSource.Source memory source = _source();
        source.aggregatedVersion = 0;
        vm.startPrank(owner);
        envelope.setLimits(asset, "DirectOnly", _limits3());
        risk.setSource(asset, "DirectOnly", source);
        vm.stopPrank();
        mode = uint8(bound(mode, 1, 255));
        vm.expectRevert(abi.encodeWithSelector(IRiskSource.ModeNotAllowed.selector, asset, "DirectOnly", mode));
        risk.requestUpdate{value: 0}(asset, "DirectOnly", mode, user);
    }

    function testFuzz_refusesUnknownSource(address market) public {
        vm.assume(market != asset);
        vm.expectRevert(abi.encodeWithSelector(IRiskSource.SourceUnknown.selector, market, TYPE));
        risk.quoteUpdate(market, TYPE, DIRECT);
    }

    function testFuzz_onlyTheOwnerSetsSources(address caller) public {
        vm.assume(caller != owner);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        risk.setSource(asset, "x", _source());
    }

    function _refuseSource(IRiskSource.Source memory source, bytes memory reason) internal {
        vm.expectRevert(reason);
        vm.prank(owner);
        risk.setSource(asset, "other", source);
    }

    function _bad(string memory field, uint256 got) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IRiskSource.BadSource.selector, field, got);
    }

    function test_refusesBadSources() public {
        vm.expectRevert(abi.encodeWithSelector(IRiskSource.SourceAlreadySet.selector, asset, TYPE));
        vm.prank(owner);
        risk.setSource(asset, TYPE, _source());

        IRiskSource.Source memory source = _source();
        source.modelId = mixedModel;
        source.seed = new uint256[](0);
        _refuseSource(source, abi.encodeWithSelector(IRiskSource.PublicSourceRefused.selector, mixedModel, 0));
        source = _source();
        (source.directVersion, source.aggregatedVersion) = (0, 0);
        _refuseSource(source, _bad("version", 0));
        (source.directVersion, source.aggregatedVersion) = (aggregatedVersion, 0);
        _refuseSource(source, _bad("directVersion", aggregatedVersion));
        (source.directVersion, source.aggregatedVersion) = (0, directVersion);
        _refuseSource(source, _bad("aggregatedVersion", directVersion));
        source = _source();
        source.seed = new uint256[](2);
        _refuseSource(source, _bad("seed", 2));
        source = _source();
        source.callbackGasLimit = 0;
        _refuseSource(source, _bad("callbackGasLimit", 0));
        source = _source();
        source.timeToLive = 0;
        _refuseSource(source, _bad("timeToLive", 0));
        source = _source();
        source.maxDeliveryAge = 0;
        _refuseSource(source, _bad("maxDeliveryAge", 0));
    }

    function testFuzz_refusesUnknownUpdate(uint256 id) public {
        _release([int64(6_600), 7_300, 500]);
        vm.assume(id != 1);
        vm.expectRevert(abi.encodeWithSelector(IRiskOracle.UpdateUnknown.selector, id));
        risk.getUpdateById(id);
    }

    // ------------------------------------------------------------- what is pinned

    /// Limits come first, and for as many fields as the model has outputs.
    function test_refusesSourcesThatTheEnvelopeDoesNotKnow() public {
        _refuseSource(_source(), _bad("fields", 0));
        IRiskEnvelope.Limits memory limits = _limits3();
        IRiskEnvelope.FieldLimits[] memory two = new IRiskEnvelope.FieldLimits[](2);
        (two[0], two[1]) = (limits.fields[0], limits.fields[1]);
        limits.fields = two;
        limits.rules = new IRiskEnvelope.Rule[](0);
        vm.prank(owner);
        envelope.setLimits(asset, "other", limits);
        _refuseSource(_source(), _bad("fields", 2));
    }

    function testFuzz_refusesASeedPastTheLimits(uint256 ltv) public {
        vm.prank(owner);
        envelope.setLimits(asset, "other", _limits3());
        IRiskSource.Source memory source = _source();
        ltv = bound(ltv, 7_201, 9_000);
        source.seed = _vector(ltv, 7_200, 500);
        bytes memory reason = abi.encodeWithSelector(IRiskEnvelope.LtvAboveThreshold.selector, ltv, 7_200);
        _refuseSource(source, abi.encodeWithSelector(IRiskSource.BadSeed.selector, reason));
    }

    /// A deployment for production names a ceremony's digest: a router of the development SRS is refused, whatever it says.
    function testFuzz_refusesARouterOfAnotherSrs(bytes32 digest) public {
        bytes32 got = router.srsDigest();
        vm.assume(digest != got);
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.SrsMismatch.selector, digest, got));
        new RiskOracle(owner, riskGuardian, oracle, envelope, digest);
    }

    /// An envelope that is bound to another risk oracle releases nothing here.
    function test_anEnvelopeOfAnotherReleasesNothing() public {
        RiskOracle other = new RiskOracle(owner, riskGuardian, oracle, envelope, router.srsDigest());
        vm.prank(owner);
        other.setSource(asset, TYPE, _source());
        uint256 fee = other.quoteUpdate(asset, TYPE, DIRECT);
        vm.prank(user);
        bytes32 id = other.requestUpdate{value: fee}(asset, TYPE, DIRECT, user);
        _answer(id, DIRECT, [int64(6_500), 7_200, 500], true, true);
        assertTrue(oracle.callbackFailed(id));
        assertEq(other.updateCounter(), 0);
    }

    function testFuzz_refusesAnotherModelsAnswer(bytes32 got) public {
        vm.assume(got != model);
        bytes32 id = _askRisk(DIRECT);
        IDodonaOracle.Answer memory answer = _answerOf(_vector(6_500, 7_200, 500), uint64(START));
        answer.modelId = got;
        vm.expectEmit(address(risk));
        emit IRiskSource.UpdateRejected(
            id, asset, TYPE, abi.encodeWithSelector(IRiskSource.ModelMismatch.selector, model, got)
        );
        vm.prank(address(oracle));
        risk.onDodonaAnswer(id, answer);
        _assertNothingReleased();
    }

    function testFuzz_rejectsOldAnswers(uint64 age) public {
        bytes32 id = _askRisk(DIRECT);
        age = uint64(bound(age, 30 minutes + 1, 1 days));
        uint64 observedAt = uint64(START) - age;
        vm.expectEmit(address(risk));
        emit IRiskSource.UpdateRejected(
            id, asset, TYPE, abi.encodeWithSelector(IRiskSource.AnswerTooOld.selector, START - 30 minutes, observedAt)
        );
        vm.prank(address(oracle));
        risk.onDodonaAnswer(id, _answerOf(_vector(6_500, 7_200, 500), observedAt));
        _assertNothingReleased();
    }

    /// A callback that failed is tried again after its verifier was frozen: the proof is no longer believed.
    function test_aRetryAfterAFreezeIsRefused() public {
        bytes32 id = _askRisk(DIRECT);
        vm.mockCallRevert(address(envelope), abi.encodeWithSelector(IRiskEnvelope.admit.selector), "");
        _answer(id, DIRECT, [int64(6_500), 7_200, 500], true, true);
        vm.clearMockedCalls();
        vm.warp(START + 12);
        vm.mockCall(address(router), abi.encodeCall(router.isFrozen, (directVersion)), abi.encode(true));
        vm.expectEmit(address(risk));
        emit IRiskSource.UpdateRejected(
            id, asset, TYPE, abi.encodeWithSelector(IRiskSource.VerifierFrozen.selector, directVersion)
        );
        oracle.retryCallback(id);
        _assertNothingReleased();
    }

    // -------------------------------------------------------- provenance and age

    function testFuzz_provenanceNamesTheProof(bool aggregate) public {
        uint8 mode = aggregate ? AGGREGATED : DIRECT;
        bytes32 id = _askRisk(mode);
        _answer(id, mode, [int64(6_600), 7_300, 500], true, true);
        IDodonaRiskOracle.Provenance memory from = risk.provenanceOf(1);
        assertEq(from.requestId, id);
        assertEq(from.modelId, model);
        assertEq(from.mode, mode);
        assertEq(from.verifierVersion, aggregate ? aggregatedVersion : directVersion);
        assertEq(from.observedAt, START / PERIOD * PERIOD);
        assertEq(from.validUntil, from.observedAt + 1 days);
        assertEq(from.fulfilledAt, START);
        assertFalse(from.approved);
        assertEq(from.answerHash, keccak256(abi.encode(id, oracle.answerOf(id))));
        vm.expectRevert(abi.encodeWithSelector(IRiskOracle.UpdateUnknown.selector, 2));
        risk.provenanceOf(2);
    }

    function testFuzz_theLastGoodValueAges(uint64 wait) public {
        (uint256[] memory values, uint256 updateId, uint256 age, bool stale) = risk.lastGood(asset, TYPE);
        assertEq(values.length, 0);
        assertEq(updateId, 0);
        assertTrue(stale);
        _release([int64(6_600), 7_300, 500]);
        uint256 observedAt = START / PERIOD * PERIOD;
        vm.warp(bound(wait, START, START + 3 days));
        (values, updateId, age, stale) = risk.lastGood(asset, TYPE);
        assertEq(values, _vector(6_600, 7_300, 500));
        assertEq(updateId, 1);
        assertEq(age, block.timestamp - observedAt);
        assertEq(stale, block.timestamp > observedAt + 1 days);
    }

    function test_showsWhatItIsBuiltOn() public view {
        assertEq(risk.oracle(), address(oracle));
        assertEq(risk.envelope(), address(envelope));
        assertEq(envelope.riskOracle(), address(risk));
        assertEq(abi.encode(risk.sourceOf(asset, TYPE)), abi.encode(_source()));
    }

    /// A clock that runs behind makes a value young, and stops no reader.
    function test_aValueOfTheFutureIsNoOlderThanNow() public {
        bytes32 id = _askRisk(DIRECT);
        vm.prank(address(oracle));
        risk.onDodonaAnswer(id, _answerOf(_vector(6_600, 7_300, 500), uint64(START + 60)));
        (, uint256 updateId, uint256 age, bool stale) = risk.lastGood(asset, TYPE);
        assertEq(abi.encode(updateId, age, stale), abi.encode(1, 0, false));
    }

    /// An injector that was written for another risk oracle reads this one.
    function test_foreignReadersUnderstandIt() public {
        bytes32 id = _release([int64(6_600), 7_300, 500]);
        IForeignReader reader = IForeignReader(address(risk));
        IForeignReader.RiskParameterUpdate memory update = reader.getLatestUpdateByParameterAndMarket(TYPE, asset);
        assertEq(abi.encode(update), abi.encode(reader.getUpdateById(1)));
        assertEq(update.timestamp, START);
        assertEq(update.newValue, abi.encode(_vector(6_600, 7_300, 500)));
        assertEq(update.referenceId, Strings.toHexString(uint256(id), 32));
        assertEq(update.updateType, TYPE);
        assertEq(update.updateId, 1);
        assertEq(update.market, asset);
        assertEq(reader.latestUpdateIdByMarketAndType(asset, TYPE), 1);
        assertEq(reader.updateCounter(), 1);
    }
}
