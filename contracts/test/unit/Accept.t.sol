// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {IOperatorStaking} from "../../src/interfaces/IOperatorStaking.sol";
import {Base} from "../Base.sol";

/// @notice Two operators with stake, and one accepted request.
abstract contract AcceptBase is Base {
    address internal rival = makeAddr("rival");
    address internal wallet = makeAddr("wallet");
    uint96 internal constant LEAST = 0.01 ether;

    function setUp() public virtual override {
        super.setUp();
        _enlist(operator);
        _enlist(rival);
    }

    function _observations() internal view returns (IDodonaOracle.SignedHeader[] memory) {
        return _slot(model).observations;
    }

    function _accept(address by, bytes32 id, address payee) internal {
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        vm.prank(by);
        oracle.accept(id, payee, observations);
    }

    function _expectAcceptRevert(bytes32 id, IDodonaOracle.SignedHeader[] memory observations, bytes memory reason)
        internal
    {
        vm.expectRevert(reason);
        vm.prank(operator);
        oracle.accept(id, wallet, observations);
    }

    function _accepted() internal returns (bytes32 id) {
        id = _request(_params(model, DIRECT));
        _accept(operator, id, wallet);
    }

    /// @dev A proven delivery of the standard observations to `payee`.
    function _deliveryTo(bytes32 id, address payee) internal returns (Delivery memory d) {
        d = _delivery(id, model, DIRECT);
        d.payee = payee;
        d.expiry = type(uint64).max;
        _prove(d);
    }
}

contract AcceptTest is AcceptBase {
    function testFuzz_reservesThePenaltyAndOpensAWindow(uint96 penalty, uint32 wait, uint32 lifetime) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.penalty = uint96(bound(penalty, 0, 1 ether));
        params.deadline = uint64(START + bound(lifetime, 1, 2 hours));
        bytes32 id = _request(params);
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        vm.warp(bound(wait, START, params.deadline));
        uint96 expected = params.penalty > LEAST ? params.penalty : LEAST;
        uint256 until = block.timestamp + oracle.ACCEPT_WINDOW();
        if (until > params.deadline) until = params.deadline;
        uint224 commitment = uint224(uint256(keccak256(abi.encode(wallet, observations))));
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.Accepted(id, operator, wallet, uint64(until), expected, commitment);
        vm.prank(operator);
        oracle.accept(id, wallet, observations);
        assertEq(staking.freeStakeOf(operator), 1 ether - expected);
        assertEq(staking.reservedBy(operator, address(oracle)), expected);
        IDodonaOracle.Promise memory made = oracle.acceptanceOf(id);
        assertEq(made.operator, operator);
        assertEq(made.penalty, expected);
        assertEq(made.until, until);
        assertEq(made.contestedUntil, 0);
        assertEq(made.commitment, commitment);
        IDodonaOracle.Request memory stored = oracle.requestOf(id);
        assertEq(stored.deadline, params.deadline);
        assertEq(stored.createdAt, START);
    }

    function testFuzz_refusesWithoutFreeStake(uint96 penalty) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.penalty = uint96(bound(penalty, 1 ether + 1, oracle.MAX_PENALTY()));
        bytes32 id = _request(params);
        _expectAcceptRevert(
            id,
            _observations(),
            abi.encodeWithSelector(
                IOperatorStaking.FreeStakeTooLow.selector, operator, 1 ether, uint256(params.penalty)
            )
        );
    }

    function testFuzz_refusesWhoDidNotAuthorise(address stranger) public {
        vm.assume(stranger != operator && stranger != rival);
        bytes32 id = _request(_params(model, DIRECT));
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NotAuthorised.selector, stranger, address(oracle)));
        vm.prank(stranger);
        oracle.accept(id, wallet, observations);
    }

    /// Two operators race: the first stands.
    function test_refusesTheSecond() public {
        bytes32 id = _accepted();
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.AlreadyAccepted.selector, id, operator));
        vm.prank(rival);
        oracle.accept(id, rival, observations);
        assertEq(staking.freeStakeOf(rival), 1 ether);
    }

    /// Not even after the window: a request cannot be kept from others by one acceptance after another.
    function testFuzz_refusesASecondWindow(uint32 wait) public {
        bytes32 id = _accepted();
        vm.warp(bound(wait, START, START + 1 hours));
        _expectAcceptRevert(
            id,
            new IDodonaOracle.SignedHeader[](1),
            abi.encodeWithSelector(IDodonaOracle.AlreadyAccepted.selector, id, operator)
        );
    }

    function test_refusesZeroPayee() public {
        bytes32 id = _request(_params(model, DIRECT));
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.ZeroPayee.selector));
        vm.prank(operator);
        oracle.accept(id, address(0), observations);
    }

    function testFuzz_refusesAfterTheDeadline(uint32 late) public {
        bytes32 id = _request(_params(model, DIRECT));
        uint256 deadline = START + 1 hours;
        vm.warp(bound(late, deadline + 1, type(uint32).max));
        _expectAcceptRevert(
            id,
            new IDodonaOracle.SignedHeader[](1),
            abi.encodeWithSelector(IDodonaOracle.DeadlinePassed.selector, id, deadline, block.timestamp)
        );
    }

    function test_refusesWhatIsSettledOrUnknown() public {
        bytes32 id = _request(_params(model, DIRECT));
        _fulfil(_deliveryTo(id, wallet));
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        _expectAcceptRevert(
            id,
            observations,
            abi.encodeWithSelector(IDodonaOracle.RequestNotOpen.selector, id, IDodonaOracle.Status.Fulfilled)
        );
        _expectAcceptRevert(
            bytes32(uint256(1)),
            observations,
            abi.encodeWithSelector(IDodonaOracle.RequestNotOpen.selector, 1, IDodonaOracle.Status.None)
        );
    }

    function testFuzz_refusesObservationCount(uint8 count) public {
        count = uint8(bound(count, 0, 9));
        vm.assume(count != 1);
        bytes32 id = _request(_params(model, DIRECT));
        _expectAcceptRevert(
            id,
            new IDodonaOracle.SignedHeader[](count),
            abi.encodeWithSelector(IDodonaOracle.ObservationCount.selector, id, 1, count)
        );
    }

    function testFuzz_refusesStaleObservations(uint32 back) public {
        back = uint32(bound(back, 11, 1_000));
        bytes32 id = _request(_params(model, DIRECT));
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        header.seq -= back;
        header.observedAt = header.seq * PERIOD;
        observations[0] = _sign(header, key1);
        _expectAcceptRevert(
            id,
            observations,
            abi.encodeWithSelector(
                IDodonaOracle.ObservationOutOfWindow.selector, id, START - 10 minutes, START, header.observedAt
            )
        );
    }

    function test_refusesUnderQuorum() public {
        bytes32 id = _request(_params(quorumModel, DIRECT));
        IDodonaOracle.SignedHeader[] memory observations = _slot(quorumModel).observations;
        observations[1] = _sign(_header(7_002), key1);
        _expectAcceptRevert(
            id, observations, abi.encodeWithSelector(IDodonaOracle.PublisherNotDistinct.selector, id, publisher1)
        );
    }

    function testFuzz_refusesUnsigned(uint256 key) public {
        key = bound(key, 1, 1 << 128);
        bytes32 id = _request(_params(model, DIRECT));
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        observations[0] = _sign(_header(7_001), key);
        _expectAcceptRevert(
            id, observations, abi.encodeWithSelector(IFeedRegistry.NotPublisher.selector, feed, 1, vm.addr(key))
        );
    }

    function testFuzz_refusesWhatIsTooOldToDeliver(uint32 maxAge, uint32 wait) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.maxDeliveryAge = uint64(bound(maxAge, 31, 3_000));
        bytes32 id = _request(params);
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        uint64 observedAt = observations[0].header.observedAt;
        vm.warp(bound(wait, uint256(observedAt) + params.maxDeliveryAge + 1, params.deadline));
        _expectAcceptRevert(
            id,
            observations,
            abi.encodeWithSelector(
                IDodonaOracle.DeliveredTooLate.selector, id, block.timestamp - params.maxDeliveryAge, observedAt
            )
        );
    }
}

contract ExclusiveWindowTest is AcceptBase {
    function testFuzz_keptByADeliveryToItsPayee(uint32 wait) public {
        bytes32 id = _accepted();
        Delivery memory d = _deliveryTo(id, wallet);
        vm.warp(bound(wait, START, START + 1 hours));
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.AcceptanceKept(id, operator);
        _fulfil(d);
        assertEq(oracle.creditOf(address(0), wallet), 0.001 ether);
        assertEq(staking.freeStakeOf(operator), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NotAccepted.selector, id));
        oracle.acceptanceOf(id);
        vm.warp(START + 1 days);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NotAccepted.selector, id));
        oracle.settleMissed(id);
    }

    /// The front-runner has a good proof of its own, for another payee.
    function testFuzz_othersWaitUntilTheWindowIsOver(uint32 wait, address other) public {
        vm.assume(other != wallet && other != address(0));
        bytes32 id = _accepted();
        uint256 until = START + oracle.ACCEPT_WINDOW();
        Delivery memory d = _deliveryTo(id, other);
        vm.warp(bound(wait, START, START + 1 hours));
        if (block.timestamp <= until) {
            _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.AcceptedOtherwise.selector, id, until));
            return;
        }
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.AcceptanceMissed(id, operator);
        _fulfil(d);
        assertEq(oracle.creditOf(address(0), other), 0.001 ether);
        assertEq(staking.freeStakeOf(operator), 1 ether - LEAST);
    }

    function test_theWindowsLastSecond() public {
        bytes32 id = _accepted();
        uint256 until = START + oracle.ACCEPT_WINDOW();
        Delivery memory d = _deliveryTo(id, rival);
        vm.warp(until);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.AcceptedOtherwise.selector, id, until));
        vm.warp(until + 1);
        _fulfil(d);
        assertEq(oracle.creditOf(address(0), rival), 0.001 ether);
    }

    /// Accepted in the deadline's second: the window is that second, and it can still be kept in it.
    function test_acceptedInTheDeadlinesSecond() public {
        bytes32 id = _request(_params(model, DIRECT));
        Delivery memory own = _deliveryTo(id, wallet);
        Delivery memory other = _deliveryTo(id, rival);
        vm.warp(START + 1 hours);
        vm.prank(operator);
        oracle.accept(id, wallet, own.slots[0].observations);
        assertEq(oracle.acceptanceOf(id).until, START + 1 hours);
        _expectFulfilRevert(
            other, abi.encodeWithSelector(IDodonaOracle.AcceptedOtherwise.selector, id, START + 1 hours)
        );
        _fulfil(own);
        assertEq(staking.freeStakeOf(operator), 1 ether);
    }

    /// The accepted payee, but other observations than the accepted ones: that was not the promise.
    function testFuzz_otherObservationsAreNotTheAcceptedOnes(uint256 commitment) public {
        commitment = bound(commitment, 0, 1 << 250);
        vm.assume(commitment != 7_001);
        bytes32 id = _accepted();
        Delivery memory d = _delivery(id, model, DIRECT);
        d.payee = wallet;
        d.slots[0].observations[0] = _sign(_header(commitment), key1);
        _prove(d);
        _expectFulfilRevert(
            d, abi.encodeWithSelector(IDodonaOracle.AcceptedOtherwise.selector, id, START + oracle.ACCEPT_WINDOW())
        );
    }

    /// A rotation without overlap after accepting does not make the operator miss.
    function test_rotationAfterAcceptingDoesNotMatter() public {
        bytes32 id = _accepted();
        bytes32 other = _request(_params(model, DIRECT));
        address[] memory next = new address[](1);
        next[0] = makeAddr("next publisher");
        vm.warp(START + 60);
        vm.prank(feedOwner);
        feeds.rotate(feed, next, 0);
        vm.warp(START + 61);
        Delivery memory d = _delivery(id, model, DIRECT);
        d.payee = wallet;
        // As accepted: the headers of that time.
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        header.seq = uint64(START) / PERIOD;
        header.observedAt = header.seq * PERIOD;
        header.validUntil = header.observedAt + 1 days;
        d.slots[0].observations[0] = _sign(header, key1);
        _fulfil(_prove(d));
        assertEq(staking.freeStakeOf(operator), 1 ether);
        assertEq(_status(other), uint256(IDodonaOracle.Status.Open));
    }

    /// `maxDeliveryAge` holds for accepted observations too.
    function test_acceptedObservationsStillAge() public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.maxDeliveryAge = 100;
        bytes32 id = _request(params);
        _accept(operator, id, wallet);
        Delivery memory d = _deliveryTo(id, wallet);
        uint64 observedAt = d.slots[0].observations[0].header.observedAt;
        vm.warp(observedAt + 101);
        _expectFulfilRevert(
            d, abi.encodeWithSelector(IDodonaOracle.DeliveredTooLate.selector, id, observedAt + 1, observedAt)
        );
        vm.warp(observedAt + 100);
        _fulfil(d);
        assertEq(staking.freeStakeOf(operator), 1 ether);
    }

    function test_aRevokedPublisherIsRefusedThoughAccepted() public {
        bytes32 id = _accepted();
        Delivery memory d = _deliveryTo(id, wallet);
        vm.prank(feedOwner);
        feeds.revoke(feed, publisher1);
        _expectFulfilRevert(d, abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, feed, publisher1));
    }

    /// Withdrawing the authority does not get an operator out of what it accepted.
    function test_obligationsOutliveTheAuthority() public {
        bytes32 id = _accepted();
        vm.prank(operator);
        staking.withdrawAuthority(address(oracle));
        _fulfil(_deliveryTo(id, wallet));
        assertEq(staking.freeStakeOf(operator), 1 ether);
    }
}

contract SettleMissedTest is AcceptBase {
    uint64 internal deadline = uint64(START + 1 hours);

    function testFuzz_refundThenPenalty(uint64 baseFee, uint96 penalty, address caller) public {
        baseFee = uint64(bound(baseFee, 0, 3 * uint256(type(uint40).max)));
        vm.fee(baseFee);
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.penalty = uint96(bound(penalty, 0, 1 ether));
        params.refundTo = wallet;
        bytes32 id = _request(params);
        _accept(operator, id, operator);
        vm.fee(0);
        vm.warp(deadline + 1);
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.AcceptanceMissed(id, operator);
        oracle.refund(id);
        assertEq(oracle.creditOf(address(0), wallet), 0.001 ether);
        uint256 taken = params.penalty > LEAST ? params.penalty : LEAST;
        uint256 kept = uint256(baseFee > type(uint40).max ? type(uint40).max : baseFee) * oracle.COMPENSATED_GAS();
        if (kept > taken / 2) kept = taken / 2;
        vm.warp(deadline + oracle.CONTEST_PERIOD() + 1);
        uint256 burned = staking.BURNED().balance;
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.PenaltyTaken(id, operator, taken, kept);
        vm.prank(caller);
        oracle.settleMissed(id);
        assertEq(staking.compensationOf(wallet), kept);
        assertEq(staking.BURNED().balance - burned, taken - kept);
        assertEq(staking.freeStakeOf(operator), 1 ether - taken);
        assertEq(address(staking).balance, staking.totalStake() + staking.totalCompensation());
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NotAccepted.selector, id));
        oracle.settleMissed(id);
    }

    /// Missing on purpose, with a second identity as requester and deliverer, gets less than half of the penalty back.
    function test_slashingOneselfIsNoExit() public {
        vm.fee(1_000 gwei);
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        (params.refundTo, params.penalty) = (rival, 1 ether);
        bytes32 id = _request(params);
        _accept(operator, id, operator);
        Delivery memory d = _deliveryTo(id, rival);
        vm.warp(START + oracle.ACCEPT_WINDOW() + 1);
        _fulfil(d);
        vm.warp(block.timestamp + oracle.CONTEST_PERIOD() + 1);
        oracle.settleMissed(id);
        assertEq(staking.compensationOf(rival), 0.15 ether);
        assertEq(staking.freeStakeOf(operator), 0);
        assertEq(staking.BURNED().balance, 0.85 ether);
    }

    function testFuzz_notBeforeTheContestIsOver(uint32 wait, bool delivered) public {
        bytes32 id = _accepted();
        uint256 missedAt = delivered ? START + 20 minutes : deadline;
        if (delivered) {
            Delivery memory d = _deliveryTo(id, rival);
            vm.warp(missedAt);
            _fulfil(d);
        } else {
            vm.warp(deadline + 1);
            oracle.refund(id);
        }
        uint256 until = missedAt + oracle.CONTEST_PERIOD();
        assertEq(oracle.acceptanceOf(id).contestedUntil, until);
        assertEq(oracle.acceptanceOf(id).until, 0);
        vm.warp(bound(wait, block.timestamp, until));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.ContestNotOver.selector, id, until, block.timestamp));
        oracle.settleMissed(id);
    }

    function testFuzz_notWhileTheRequestIsOpen(uint32 wait) public {
        bytes32 id = _accepted();
        vm.warp(bound(wait, START, START + 30 days));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.RequestStillOpen.selector, id));
        oracle.settleMissed(id);
    }

    function testFuzz_refusesWhatNobodyAccepted(bytes32 id) public {
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NotAccepted.selector, id));
        oracle.settleMissed(id);
    }

    function test_aFrozenVersionIsNoFault() public {
        bytes32 id = _accepted();
        vm.warp(deadline + 1);
        oracle.refund(id);
        _freezeVersion(directVersion);
        vm.warp(deadline + 1 days);
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.AcceptanceVoided(id, operator);
        oracle.settleMissed(id);
        assertEq(staking.freeStakeOf(operator), 1 ether);
    }
}

contract VoidAcceptanceTest is AcceptBase {
    function _revoke() internal {
        vm.prank(feedOwner);
        feeds.revoke(feed, publisher1);
    }

    function testFuzz_anyoneAfterARevocation(address caller) public {
        bytes32 id = _accepted();
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        _revoke();
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.AcceptanceVoided(id, operator);
        vm.prank(caller);
        oracle.voidAcceptance(id, wallet, observations);
        assertEq(staking.freeStakeOf(operator), 1 ether);
        assertEq(oracle.requestOf(id).deadline, START + 1 hours);
        // Others may answer at once, and accept again.
        observations[0] = _sign(_header(5), key2);
        vm.prank(rival);
        oracle.accept(id, rival, observations);
        assertEq(oracle.acceptanceOf(id).operator, rival);
    }

    /// A feed's owner revokes in the deadline's second, the requester refunds in the next: the operator still has the
    /// contest.
    function test_aLastMomentRevocationDoesNotSlash() public {
        bytes32 id = _accepted();
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        vm.warp(START + 1 hours);
        _revoke();
        vm.warp(START + 1 hours + 1);
        oracle.refund(id);
        assertEq(staking.freeStakeOf(operator), 1 ether - LEAST);
        vm.warp(START + 2 hours);
        oracle.voidAcceptance(id, wallet, observations);
        assertEq(staking.freeStakeOf(operator), 1 ether);
        vm.warp(START + 3 hours);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NotAccepted.selector, id));
        oracle.settleMissed(id);
        assertEq(_status(id), uint256(IDodonaOracle.Status.Refunded));
    }

    function testFuzz_refusesWhileThePublishersStand(uint32 wait) public {
        bytes32 id = _accepted();
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        vm.warp(bound(wait, START, START + 30 days));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.AcceptanceStands.selector, id));
        vm.prank(operator);
        oracle.voidAcceptance(id, wallet, observations);
    }

    function testFuzz_refusesOtherObservationsOrPayee(uint256 commitment, address payee) public {
        vm.assume(payee != wallet);
        bytes32 id = _accepted();
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        _revoke();
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.AcceptanceMismatch.selector, id));
        oracle.voidAcceptance(id, payee, observations);
        observations[0] = _sign(_header(bound(commitment, 8_000, 1 << 250)), key1);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.AcceptanceMismatch.selector, id));
        oracle.voidAcceptance(id, wallet, observations);
    }

    function testFuzz_refusesWhatNobodyAccepted(bytes32 id) public {
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NotAccepted.selector, id));
        oracle.voidAcceptance(id, wallet, observations);
    }

    /// An operator starves the registry of gas, so that a good observation looks bad: nothing comes of it.
    function testFuzz_tooLittleGasVoidsNothing(uint256 gas_) public {
        bytes32 id = _accepted();
        IDodonaOracle.SignedHeader[] memory observations = _observations();
        gas_ = bound(gas_, 20_000, 120_000);
        vm.prank(operator);
        (bool ok,) = address(oracle).call{gas: gas_}(abi.encodeCall(oracle.voidAcceptance, (id, wallet, observations)));
        assertFalse(ok);
        assertEq(oracle.acceptanceOf(id).operator, operator);
    }

    function test_freezingVoidsWithTheRefund() public {
        bytes32 id = _accepted();
        _freezeVersion(directVersion);
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.AcceptanceVoided(id, operator);
        oracle.refund(id);
        assertEq(staking.freeStakeOf(operator), 1 ether);
    }
}
