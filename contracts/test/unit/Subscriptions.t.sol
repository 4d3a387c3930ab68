// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaSubscriptions} from "../../src/DodonaSubscriptions.sol";
import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IDodonaSubscriptions} from "../../src/interfaces/IDodonaSubscriptions.sol";
import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IVerifierRouter} from "../../src/interfaces/IVerifier.sol";
import {SubscriptionsBase} from "../SubscriptionsBase.sol";

contract SubscribeTest is SubscriptionsBase {
    function testFuzz_keepsAllOfIt(uint32 heartbeat, uint16 deviation, uint8 output, uint32 age, uint96 fee) public {
        IDodonaSubscriptions.Params memory params = _subscription();
        params.heartbeat = uint32(bound(heartbeat, 1, type(uint32).max));
        params.deviationBp = deviation;
        params.output = output % 3;
        params.maxDataAge = age;
        params.fee = fee;
        bytes32 id = keccak256(abi.encode(block.chainid, address(subs), user, uint256(0), params));
        vm.expectEmit(address(subs));
        emit IDodonaSubscriptions.Subscribed(id, user, model, 0, params);
        vm.prank(user);
        assertEq(subs.subscribe{value: 1 ether}(params), id);
        IDodonaSubscriptions.Subscription memory stored = subs.subscriptionOf(id);
        assertEq(stored.owner, user);
        assertTrue(stored.open);
        assertEq(stored.balance, 1 ether);
        params.verifierVersion = directVersion;
        assertEq(abi.encode(stored.params), abi.encode(params));
        assertEq(subs.nextDueAt(id), 0);
        assertEq(subs.totalFunds(), 1 ether);
        (uint64 round,,,,) = subs.latestRound(id);
        assertEq(round, 0);
        assertEq(subs.latestOf(id).round, 0);
    }

    function _expectRefused(IDodonaSubscriptions.Params memory params, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(user);
        subs.subscribe(params);
    }

    function testFuzz_refusesModesThatDoNotExist(uint8 mode) public {
        IDodonaSubscriptions.Params memory params = _subscription();
        params.mode = uint8(bound(mode, 2, 255));
        _expectRefused(params, abi.encodeWithSelector(IDodonaOracle.UnknownMode.selector, params.mode));
    }

    function test_refusesZeroHeartbeat() public {
        IDodonaSubscriptions.Params memory params = _subscription();
        params.heartbeat = 0;
        _expectRefused(params, abi.encodeWithSelector(IDodonaSubscriptions.ZeroHeartbeat.selector));
    }

    function test_refusesPublicSources() public {
        IDodonaSubscriptions.Params memory params = _subscription();
        params.modelId = mixedModel;
        _expectRefused(params, abi.encodeWithSelector(IDodonaSubscriptions.PublicSourceRefused.selector, mixedModel));
    }

    function testFuzz_refusesOutputsThatDoNotExist(uint16 output) public {
        IDodonaSubscriptions.Params memory params = _subscription();
        params.output = uint16(bound(output, 3, type(uint16).max));
        _expectRefused(params, abi.encodeWithSelector(IDodonaSubscriptions.OutputOutOfRange.selector, 3, params.output));
    }

    function test_refusesAnotherModesVersion() public {
        IDodonaSubscriptions.Params memory params = _subscription();
        params.verifierVersion = aggregatedVersion;
        _expectRefused(
            params, abi.encodeWithSelector(IDodonaOracle.VerifierVersionMismatch.selector, aggregatedVersion, DIRECT, 0)
        );
    }

    function test_refusesFrozenVersions() public {
        IDodonaSubscriptions.Params memory params = _subscription();
        params.verifierVersion = directVersion;
        _freezeVersion(directVersion);
        _expectRefused(params, abi.encodeWithSelector(IVerifierRouter.VersionFrozen.selector, directVersion));
    }

    function testFuzz_refusesUnknownModels(bytes32 id) public {
        vm.assume(!models.exists(id));
        IDodonaSubscriptions.Params memory params = _subscription();
        params.modelId = id;
        _expectRefused(params, abi.encodeWithSelector(IModelRegistry.ModelUnknown.selector, id));
    }
}

contract SubscriptionFundsTest is SubscriptionsBase {
    function testFuzz_anyoneFunds(address payer, uint96 amount) public {
        bytes32 id = _subscribe(_subscription());
        amount = uint96(bound(amount, 1, 100 ether));
        vm.deal(payer, amount);
        vm.prank(payer);
        subs.fund{value: amount}(id);
        assertEq(subs.subscriptionOf(id).balance, 1 ether + uint256(amount));
        assertEq(subs.totalFunds(), address(subs).balance);
    }

    function test_refusesToFundWithNothing() public {
        bytes32 id = _subscribe(_subscription());
        vm.expectRevert(abi.encodeWithSelector(IDodonaSubscriptions.ZeroAmount.selector));
        subs.fund(id);
    }

    function testFuzz_refusesUnknown(bytes32 id) public {
        bytes memory reason = abi.encodeWithSelector(IDodonaSubscriptions.SubscriptionUnknown.selector, id);
        vm.expectRevert(reason);
        subs.fund(id);
        vm.expectRevert(reason);
        subs.close(id);
        vm.expectRevert(reason);
        subs.nextDueAt(id);
        vm.expectRevert(reason);
        subs.latestOf(id);
        vm.expectRevert(reason);
        subs.subscriptionOf(id);
        UpdateCall memory u = _updateOf(id, 1, 1);
        _expectRefused(u, reason);
    }

    function testFuzz_theOwnerTakesFundsOut(uint96 amount) public {
        bytes32 id = _subscribe(_subscription());
        amount = uint96(bound(amount, 1, 1 ether));
        address to = makeAddr("cold wallet");
        vm.prank(user);
        subs.withdraw(id, amount, to);
        assertEq(to.balance, amount);
        assertEq(subs.subscriptionOf(id).balance, 1 ether - amount);
    }

    function testFuzz_refusesToTakeMoreOut(uint96 amount) public {
        bytes32 id = _subscribe(_subscription());
        amount = uint96(bound(amount, 1 ether + 1, type(uint96).max));
        vm.expectRevert(abi.encodeWithSelector(IDodonaSubscriptions.BalanceTooLow.selector, id, amount, 1 ether));
        vm.prank(user);
        subs.withdraw(id, amount, user);
    }

    function testFuzz_onlyTheOwner(address caller) public {
        vm.assume(caller != user);
        bytes32 id = _subscribe(_subscription());
        bytes memory reason = abi.encodeWithSelector(IDodonaSubscriptions.NotSubscriptionOwner.selector, user, caller);
        vm.startPrank(caller);
        vm.expectRevert(reason);
        subs.withdraw(id, 1, caller);
        vm.expectRevert(reason);
        subs.close(id);
    }

    function test_closingReturnsTheBalanceAndEndsIt() public {
        bytes32 id = _subscribe(_subscription());
        _deliver(_updateOf(id, 1, 700));
        vm.prank(user);
        subs.close(id);
        assertEq(subs.creditOf(user), 0.99 ether);
        assertEq(subs.nextDueAt(id), type(uint64).max);
        (, int64 value,,,) = subs.latestRound(id);
        assertEq(value, 700);
        bytes memory closed = abi.encodeWithSelector(IDodonaSubscriptions.SubscriptionClosed.selector, id);
        vm.expectRevert(closed);
        vm.prank(user);
        subs.close(id);
        vm.expectRevert(closed);
        subs.fund{value: 1}(id);
        vm.warp(START + 1 days);
        _expectRefused(_updateOf(id, 2, 800), closed);
        vm.prank(user);
        assertEq(subs.withdrawCredits(user), 0.99 ether);
    }

    function testFuzz_refusesWithoutCredit(address caller) public {
        vm.assume(caller != address(0));
        vm.expectRevert(abi.encodeWithSelector(IDodonaSubscriptions.NothingToWithdraw.selector, caller));
        vm.prank(caller);
        subs.withdrawCredits(caller);
    }

    function test_refusesToPayNobodyOrWhoTakesNothing() public {
        bytes32 id = _subscribe(_subscription());
        vm.startPrank(user);
        vm.expectRevert(abi.encodeWithSelector(IDodonaSubscriptions.ZeroAddress.selector));
        subs.withdraw(id, 1, address(0));
        vm.expectRevert(abi.encodeWithSelector(IDodonaSubscriptions.ZeroAmount.selector));
        subs.withdraw(id, 0, user);
        vm.expectRevert(abi.encodeWithSelector(IDodonaSubscriptions.TransferFailed.selector, address(models), 1));
        subs.withdraw(id, 1, address(models));
    }
}

contract DeliverUpdateTest is SubscriptionsBase {
    bytes32 internal id;

    function setUp() public override {
        super.setUp();
        id = _subscribe(_subscription());
    }

    function testFuzz_delivers(int64 value, bool inDomain, bool unsaturated) public {
        UpdateCall memory u = _updateOf(id, 1, value, inDomain, unsaturated);
        _deliver(u);
        (uint64 round, int64 got, uint64 observedAt, uint64 updatedAt, bool usable) = subs.latestRound(id);
        assertEq(round, 1);
        assertEq(got, value);
        assertEq(observedAt, u.slots[0].observations[0].header.observedAt);
        assertEq(updatedAt, START);
        assertEq(usable, inDomain && unsaturated);
        IDodonaSubscriptions.Latest memory latest = subs.latestOf(id);
        assertEq(latest.outputs.length, 3);
        assertEq(latest.outputs[0], value);
        assertEq(latest.outputs[2], 50_000);
        assertEq(latest.inDomain, inDomain);
        assertEq(latest.unsaturated, unsaturated);
        assertEq(subs.creditOf(operator), 0.01 ether);
        assertEq(subs.subscriptionOf(id).balance, 0.99 ether);
        assertEq(subs.totalFunds() + subs.totalCredits(), address(subs).balance);
        assertEq(subs.nextDueAt(id), START + 1 hours);
    }

    function test_tellsWhatItDelivered() public {
        UpdateCall memory u = _updateOf(id, 1, 700);
        uint256[] memory commitments = new uint256[](1);
        commitments[0] = 7_001;
        int64[] memory outputs = new int64[](3);
        (outputs[0], outputs[1], outputs[2]) = (700, 720_000, 50_000);
        uint64 observedAt = u.slots[0].observations[0].header.observedAt;
        vm.expectEmit(address(subs));
        emit IDodonaSubscriptions.Updated(id, 1, operator, 0.01 ether, observedAt, true, true, commitments, outputs);
        _deliver(u);
    }

    /// `roundOf` keeps what `latestRound` said.
    function test_roundsStay() public {
        _deliver(_updateOf(id, 1, 700));
        vm.warp(START + 1 hours);
        _deliver(_updateOf(id, 2, 800));
        (uint64 round, int64 value,, uint64 updatedAt,) = subs.roundOf(id, 1);
        assertEq(abi.encode(round, value, updatedAt), abi.encode(1, 700, START));
        (round, value,, updatedAt,) = subs.roundOf(id, 2);
        assertEq(abi.encode(round, value, updatedAt), abi.encode(2, 800, START + 1 hours));
        (round, value,, updatedAt,) = subs.roundOf(id, 3);
        assertEq(abi.encode(round, value, updatedAt), abi.encode(0, 0, 0));
    }

    function testFuzz_heartbeat(uint32 wait) public {
        _deliver(_updateOf(id, 1, 100_000));
        vm.warp(bound(wait, START + PERIOD, START + 2 hours));
        UpdateCall memory u = _updateOf(id, 2, 100_000);
        if (block.timestamp >= START + 1 hours) {
            assertTrue(subs.isDue(id, 100_000));
            _deliver(u);
            return;
        }
        assertFalse(subs.isDue(id, 100_000));
        _expectRefused(
            u, abi.encodeWithSelector(IDodonaSubscriptions.NotDue.selector, id, START + 1 hours, block.timestamp)
        );
    }

    /// 50 basis points of the last value, up or down, also for negative values.
    function testFuzz_deviation(int64 last, int64 value) public {
        last = int64(bound(last, -1e12, 1e12));
        value = int64(bound(value, last - 1e10, last + 1e10));
        _checkDeviation(last, value);
    }

    function testFuzz_deviationAtTheEdge(int64 last, bool up, bool enough) public {
        last = int64(bound(last, -1e12, 1e12));
        int64 size = last < 0 ? -last : last;
        int64 step = (size * 50 + 9_999) / 10_000;
        if (!enough) step -= 1;
        _checkDeviation(last, up ? last + step : last - step);
    }

    /// Extremes do not overflow.
    function test_deviationOfExtremes() public {
        _checkDeviation(type(int64).min, type(int64).max);
    }

    function test_anyChangeFromZeroDeviates() public {
        _checkDeviation(0, 0);
        bytes32 other = _subscribe(_subscription());
        _deliver(_updateOf(other, 1, 0));
        vm.warp(block.timestamp + PERIOD);
        _deliver(_updateOf(other, 2, 1));
    }

    function _checkDeviation(int64 last, int64 value) private {
        _deliver(_updateOf(id, 1, last));
        vm.warp(START + PERIOD);
        UpdateCall memory u = _updateOf(id, 2, value);
        int256 change = int256(value) - last;
        uint256 size = uint256(change < 0 ? -change : change);
        uint256 base = uint256(last < 0 ? -int256(last) : int256(last));
        bool due = change != 0 && size * 10_000 >= 50 * base;
        assertEq(subs.isDue(id, value), due);
        if (due) {
            _deliver(u);
            return;
        }
        _expectRefused(
            u, abi.encodeWithSelector(IDodonaSubscriptions.NotDue.selector, id, START + 1 hours, block.timestamp)
        );
    }

    function testFuzz_withoutDeviationOnlyTheHeartbeat(int64 value) public {
        IDodonaSubscriptions.Params memory params = _subscription();
        params.deviationBp = 0;
        bytes32 other = _subscribe(params);
        _deliver(_updateOf(other, 1, 1));
        vm.warp(START + PERIOD);
        _expectRefused(
            _updateOf(other, 2, value),
            abi.encodeWithSelector(IDodonaSubscriptions.NotDue.selector, other, START + 1 hours, block.timestamp)
        );
    }

    /// An update that is not usable comes by heartbeat only; one that is replaces it at once.
    function test_unusableUpdates() public {
        _deliver(_updateOf(id, 1, 100));
        vm.warp(START + PERIOD);
        _expectRefused(
            _updateOf(id, 2, 900, false, true),
            abi.encodeWithSelector(IDodonaSubscriptions.NotDue.selector, id, START + 1 hours, block.timestamp)
        );
        vm.warp(START + 1 hours);
        _deliver(_updateOf(id, 2, 100, true, false));
        vm.warp(START + 1 hours + PERIOD);
        _deliver(_updateOf(id, 3, 100));
        (,,,, bool usable) = subs.latestRound(id);
        assertTrue(usable);
    }

    function testFuzz_observationsIncrease(uint32 back) public {
        _deliver(_updateOf(id, 1, 100));
        vm.warp(START + 1 hours);
        UpdateCall memory u = _updateOf(id, 2, 100);
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        header.seq = uint64(START) / PERIOD - uint64(bound(back, 0, 20));
        header.observedAt = header.seq * PERIOD;
        u.slots[0].observations[0] = _sign(header, key1);
        _proveUpdate(u);
        _expectRefused(
            u,
            abi.encodeWithSelector(
                IDodonaSubscriptions.ObservationNotNewer.selector,
                id,
                uint64(START) / PERIOD * PERIOD,
                header.observedAt
            )
        );
    }

    function testFuzz_refusesOldObservations(uint32 back) public {
        back = uint32(bound(back, 121, 1_000));
        UpdateCall memory u = _updateOf(id, 1, 100);
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        header.seq -= back;
        header.observedAt = header.seq * PERIOD;
        u.slots[0].observations[0] = _sign(header, key1);
        _proveUpdate(u);
        _expectRefused(
            u,
            abi.encodeWithSelector(
                IDodonaOracle.ObservationOutOfWindow.selector, id, START - 2 hours, START, header.observedAt
            )
        );
    }

    function testFuzz_refusesWithoutBalance(uint96 left) public {
        left = uint96(bound(left, 0, 0.01 ether - 1));
        vm.prank(user);
        subs.withdraw(id, 1 ether - left, user);
        _expectRefused(
            _updateOf(id, 1, 100),
            abi.encodeWithSelector(IDodonaSubscriptions.BalanceTooLow.selector, id, 0.01 ether, left)
        );
    }

    function testFuzz_refusesOtherRounds(uint64 round) public {
        _deliver(_updateOf(id, 1, 100));
        vm.warp(START + 1 hours);
        round = uint64(bound(round, 0, type(uint64).max));
        vm.assume(round != 2);
        _expectRefused(
            _updateOf(id, round, 100), abi.encodeWithSelector(IDodonaSubscriptions.WrongRound.selector, id, 2, round)
        );
    }

    /// A proof is for one round of one subscription in one contract and one payee.
    function testFuzz_refusesProofsOfSomethingElse(uint8 what) public {
        UpdateCall memory u = _updateOf(id, 1, 100);
        what = what % 4;
        if (what == 0) u.targets[0].id = _subscribe(_subscription());
        if (what == 1) u.payee = user;
        if (what == 2) u.expiry -= 1;
        if (what == 3) u.slots[0].outputWords[0] += 1;
        _expectRefused(u, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    function test_refusesAProofForAnotherContract() public {
        UpdateCall memory u = _updateOf(id, 1, 100);
        DodonaSubscriptions first = subs;
        subs = new DodonaSubscriptions(models, feeds, router);
        bytes32 other = _subscribe(_subscription());
        u.targets[0].id = other;
        assertTrue(address(first) != address(subs));
        _expectRefused(u, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    function test_aFrozenVersionStopsIt() public {
        UpdateCall memory u = _updateOf(id, 1, 100);
        _freezeVersion(directVersion);
        _expectRefused(u, abi.encodeWithSelector(IVerifierRouter.VersionFrozen.selector, directVersion));
    }

    function test_refusesWrongShapes() public {
        UpdateCall memory u = _updateOf(id, 1, 100);
        u.payee = address(0);
        _expectRefused(u, abi.encodeWithSelector(IDodonaOracle.ZeroPayee.selector));
        u.payee = operator;
        u.mode = AGGREGATED;
        _expectRefused(u, abi.encodeWithSelector(IDodonaOracle.ModeMismatch.selector, id, DIRECT, AGGREGATED));
        u.mode = DIRECT;
        u.expiry = uint64(START - 1);
        _expectRefused(u, abi.encodeWithSelector(IDodonaOracle.ProofExpired.selector, START - 1, START));
        u.expiry = uint64(START);
        u.slots = new IDodonaOracle.Slot[](2);
        _expectRefused(u, abi.encodeWithSelector(IDodonaOracle.SlotCount.selector, 1, 2));
        u.targets = new IDodonaSubscriptions.Target[](0);
        _expectRefused(u, abi.encodeWithSelector(IDodonaOracle.EmptyBatch.selector));
    }
}

contract UpdateBatchTest is SubscriptionsBase {
    function _three() internal returns (bytes32[] memory ids) {
        IDodonaSubscriptions.Params memory params = _subscription();
        params.mode = AGGREGATED;
        ids = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) {
            ids[i] = _subscribe(params);
        }
    }

    function testFuzz_anOutcomeEach(uint8 which, bool settled) public {
        which = which % 3;
        bytes32[] memory ids = _three();
        UpdateCall memory u = _batchOf(ids, 1);
        bytes memory reason;
        if (settled) {
            _deliver(_updateOf(ids[which], 1, 5));
            reason = abi.encodeWithSelector(IDodonaSubscriptions.WrongRound.selector, ids[which], 2, 1);
        } else {
            vm.prank(user);
            subs.close(ids[which]);
            reason = abi.encodeWithSelector(IDodonaSubscriptions.SubscriptionClosed.selector, ids[which]);
        }
        IDodonaOracle.Outcome expected = settled ? IDodonaOracle.Outcome.AlreadySettled : IDodonaOracle.Outcome.Rejected;
        vm.expectEmit(address(subs));
        emit IDodonaSubscriptions.Passed(ids[which], 1, expected, reason);
        IDodonaOracle.Outcome[] memory outcomes = _deliver(u);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(uint256(outcomes[i]), i == which ? uint256(expected) : 0);
            (uint64 round, int64 value,,,) = subs.latestRound(ids[i]);
            assertEq(round, i == which && !settled ? 0 : 1);
            if (i != which) assertEq(value, int64(int256(1_000 + i)));
        }
        assertEq(subs.totalFunds() + subs.totalCredits(), address(subs).balance);
    }

    function test_refusesDuplicatesAndMixtures() public {
        bytes32[] memory ids = _three();
        bytes32[] memory twice = new bytes32[](2);
        (twice[0], twice[1]) = (ids[0], ids[0]);
        _expectRefused(_batchOf(twice, 1), abi.encodeWithSelector(IDodonaOracle.DuplicateId.selector, ids[0]));
        twice[1] = _subscribe(_subscription());
        _expectRefused(
            _batchOf(twice, 1),
            abi.encodeWithSelector(IDodonaOracle.ModeMismatch.selector, twice[1], DIRECT, AGGREGATED)
        );
        IDodonaSubscriptions.Params memory params = _subscription();
        params.mode = AGGREGATED;
        params.modelId = quorumModel;
        params.output = 0;
        twice[1] = _subscribe(params);
        _expectRefused(
            _batchOf(twice, 1),
            abi.encodeWithSelector(IDodonaOracle.ModelMismatch.selector, twice[1], model, quorumModel)
        );
        vm.prank(owner);
        uint32 next = router.addVersion(
            address(aggregated), address(aggregated).codehash, address(aggregatedRaw).codehash, DEV_SRS
        );
        params.modelId = model;
        twice[1] = _subscribe(params);
        _expectRefused(
            _batchOf(twice, 1),
            abi.encodeWithSelector(IDodonaOracle.VersionMismatch.selector, twice[1], aggregatedVersion, next)
        );
    }
}
